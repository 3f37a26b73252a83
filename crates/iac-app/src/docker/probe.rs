//! Probes as health checks, which run inside of the container with what its image has.

use crate::container::Container;
use crate::probe::{Check, Probe};

/// The program of a health check.
pub(super) fn command(container: &Container, probe: &Probe) -> Vec<String> {
    let number = |port: &Option<String>| container.port_of(port.as_deref()).map_or(0, |port| port.number);
    match &probe.check {
        Check::Command(words) => words.clone(),
        Check::Http { path, port } => script(HTTP, number(port), path),
        Check::Tcp { port } => script(TCP, number(port), ""),
    }
}

fn script(script: &str, port: u16, path: &str) -> Vec<String> {
    let words = ["/bin/sh", "-c", script, "probe"].map(str::to_owned);
    words.into_iter().chain([port.to_string(), path.to_owned()]).collect()
}

/// Asks `http://127.0.0.1:$1$2` with the first program that the image has, and takes a status from 200 to 399 as a kubelet
/// does: nothing is followed, no proxy is asked.
const HTTP: &str = r#"port=$1 path=$2 url=http://127.0.0.1:$1$2
has() { command -v "$1" >/dev/null 2>&1; }
good() { case "$1" in 2??|3??) exit 0;; *) echo "$url answered ${1:-nothing}"; exit 1;; esac; }
if has curl; then good "$(curl --silent --show-error --noproxy '*' --output /dev/null --write-out '%{http_code}' "$url")"; fi
if has python3; then
  good "$(python3 -c 'import http.client, sys; c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])); c.request("GET", sys.argv[2]); print(c.getresponse().status)' "$port" "$path")"
fi
if has node; then
  good "$(node -e 'require("http").get({ host: "127.0.0.1", port: process.argv[1], path: process.argv[2] }, answer => { console.log(answer.statusCode); process.exit(); })' "$port" "$path")"
fi
if has bash; then
  good "$(bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" "$2" >&3 && read -r _ status _ <&3 && echo "$status"' probe "$port" "$path")"
fi
if has nc; then
  good "$(printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$path" | nc 127.0.0.1 "$port" | { read -r _ status _ && echo "$status"; })"
fi
if has wget; then exec wget -q -O /dev/null -Y off "$url"; fi
echo "the image has no curl, python3, node, bash, nc or wget to ask $url with; add one, or use Probe::command"
exit 1"#;

/// Opens a connection to `127.0.0.1:$1` with the first program that the image has.
const TCP: &str = r#"port=$1
has() { command -v "$1" >/dev/null 2>&1; }
if has bash; then exec bash -c ': <>"/dev/tcp/127.0.0.1/$1"' probe "$port"; fi
if has nc; then exec nc -z 127.0.0.1 "$port"; fi
if has python3; then exec python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$port"; fi
if has node; then exec node -e 'require("net").connect(process.argv[1], "127.0.0.1", () => process.exit())' "$port"; fi
if has curl; then curl --silent --noproxy '*' --connect-timeout 3 --output /dev/null "telnet://127.0.0.1:$port" </dev/null; [ $? -ne 7 ]; exit; fi
echo "the image has no bash, nc, python3, node or curl to open port $port with; add one, or use Probe::command"
exit 1"#;
