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
if has python3; then exec python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$port"; fi
if has node; then exec node -e 'require("net").connect(process.argv[1], "127.0.0.1", () => process.exit())' "$port"; fi
# Not every nc can only open a connection. One that still runs after a second has one.
if has nc; then nc 127.0.0.1 "$port" </dev/null >/dev/null 2>&1 & nc=$!; sleep 1; kill "$nc" 2>/dev/null && exit 0; wait "$nc"; exit; fi
echo "the image has no bash, python3, node or nc to open port $port with; add one, or use Probe::command"
exit 1"#;

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    use super::*;

    /// A server that answers each path `/STATUS` with that status.
    fn serve() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut request = Vec::new();
                let mut part = [0; 1024];
                // Some programs send it line by line.
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(read) if read > 0 => request.extend(&part[..read]),
                        _ => break,
                    }
                }
                let text = String::from_utf8_lossy(&request);
                let status = text.split(['/', ' ']).nth(2).unwrap_or_default().to_owned();
                let answer =
                    format!("HTTP/1.0 {status} Word\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
                // The client may be gone.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        port
    }

    /// Finds a program of this machine: that of the system first, since others may be scripts that call further programs. A
    /// missing one makes a dangling link, and so a test that says what it did not find.
    fn program(name: &str) -> PathBuf {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let system = ["/usr/bin", "/bin"].map(PathBuf::from);
        let mut found = system.into_iter().chain(std::env::split_paths(&folders));
        let found = found.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()));
        found.unwrap_or_else(|| PathBuf::from(name))
    }

    /// Runs a script where there are no other programs than these: names with what they stand for.
    fn run(folder: &Path, tools: &[(&str, PathBuf)], script: &str, port: u16, path: &str) -> Output {
        for (name, target) in tools {
            symlink(target, folder.join(name)).expect("a link");
        }
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "probe", &port.to_string(), path]);
        command.env_clear().env("PATH", folder).output().expect("a shell")
    }

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("iac-app-probe-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).expect("a folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_path_is_asked_with_whatever_the_image_has() {
        let port = serve();
        for tool in ["curl", "python3", "bash"] {
            let target = program(tool);
            for (status, good) in [
                (200, true),
                (204, true),
                (302, true),
                (404, false),
                (500, false),
                (503, false),
            ] {
                let folder = Folder::new(&format!("{tool}-{status}"));
                let output = run(&folder.0, &[(tool, target.clone())], HTTP, port, &format!("/{status}"));
                assert_eq!(output.status.success(), good, "{tool} {status}: {output:?}");
            }
            let folder = Folder::new(&format!("{tool}-closed"));
            let output = run(&folder.0, &[(tool, target)], HTTP, 1, "/200");
            assert_eq!(output.status.code(), Some(1), "{tool}: {output:?}");
        }
    }

    #[test]
    fn a_port_is_opened_with_whatever_the_image_has() {
        let port = serve();
        for tool in ["bash", "python3"] {
            for (port, good) in [(port, true), (1, false)] {
                let folder = Folder::new(&format!("tcp-{tool}-{good}"));
                let output = run(&folder.0, &[(tool, program(tool))], TCP, port, "");
                assert_eq!(output.status.success(), good, "{tool} {port}: {output:?}");
            }
        }
    }

    #[test]
    fn an_image_without_any_is_told_so() {
        let folder = Folder::new("nothing");
        for script in [HTTP, TCP] {
            let output = run(&folder.0, &[], script, 1, "/");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                text.contains("the image has no ") && text.contains("Probe::command"),
                "{text}"
            );
            assert_eq!(output.status.code(), Some(1));
        }
    }
}
