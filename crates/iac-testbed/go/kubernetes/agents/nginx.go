package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// nginx is the web server behind the Ingresses: Debian's, with a configuration of ours.
type nginx struct {
	folder  string
	address string
	process *exec.Cmd
	current []byte
	ended   chan struct{}
}

// startNginx starts the server with nothing to serve.
func startNginx(folder, address string) (*nginx, error) {
	if err := os.MkdirAll(filepath.Join(folder, "certificates"), 0o700); err != nil {
		return nil, err
	}
	n := &nginx{folder: folder, address: address, ended: make(chan struct{})}
	certificate, key, err := selfSigned([]string{"ingress.iac.test"})
	if err != nil {
		return nil, err
	}
	if err := n.writeCertificate("default", certificate, key); err != nil {
		return nil, err
	}
	n.current = n.configuration(nil)
	if err := os.WriteFile(n.path(), n.current, 0o600); err != nil {
		return nil, err
	}
	// The kernel ends nginx when the thread that started it ends; this goroutine must therefore keep its thread.
	runtime.LockOSThread()
	n.process = exec.Command("nginx", "-p", folder, "-c", n.path())
	n.process.Stdout, n.process.Stderr = os.Stdout, os.Stderr
	n.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := n.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = n.process.Wait()
		close(n.ended)
	}()
	return n, nil
}

func (n *nginx) path() string { return filepath.Join(n.folder, "nginx.conf") }

func (n *nginx) stop() { _ = n.process.Process.Signal(syscall.SIGTERM) }

// serve makes nginx follow the sites; a configuration that nginx does not accept is told and left aside.
func (n *nginx) serve(sites []site, force bool) error {
	wanted := n.configuration(sites)
	if bytes.Equal(wanted, n.current) && !force {
		return nil
	}
	draft := n.path() + ".new"
	if err := os.WriteFile(draft, wanted, 0o600); err != nil {
		return err
	}
	if output, err := exec.Command("nginx", "-p", n.folder, "-t", "-q", "-c", draft).CombinedOutput(); err != nil {
		return fmt.Errorf("nginx refuses the configuration: %w: %s", err, output)
	}
	if err := os.Rename(draft, n.path()); err != nil {
		return err
	}
	n.current = wanted
	log.Printf("nginx: %d hosts", len(sites))
	return n.process.Process.Signal(syscall.SIGHUP)
}

// writeCertificate stores a certificate under a name and tells whether it could.
func (n *nginx) writeCertificate(name string, certificate, key []byte) error {
	base := filepath.Join(n.folder, "certificates", name)
	if err := os.WriteFile(base+".crt", certificate, 0o600); err != nil {
		return err
	}
	return os.WriteFile(base+".key", key, 0o600)
}

const head = `user root;
worker_processes 1;
daemon off;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  server_tokens off;
  server_names_hash_bucket_size 128;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Host $host;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  server {
    listen %[2]s:80 default_server;
    listen %[2]s:443 ssl default_server;
    ssl_certificate %[1]s/certificates/default.crt;
    ssl_certificate_key %[1]s/certificates/default.key;
    return 404;
  }
`

func (n *nginx) configuration(sites []site) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, head, n.folder, n.address)
	for number, site := range sites {
		n.writeSite(&text, number, site)
	}
	text.WriteString("}\n")
	return text.Bytes()
}

func (n *nginx) writeSite(text *bytes.Buffer, number int, site site) {
	for i, rule := range site.rules {
		if len(rule.servers) > 0 {
			fmt.Fprintf(text, "  upstream site%d_%d {\n", number, i)
			for _, server := range rule.servers {
				fmt.Fprintf(text, "    server %s;\n", server)
			}
			text.WriteString("    keepalive 8;\n  }\n")
		}
	}
	fmt.Fprintf(text, "  server {\n    server_name %s;\n    listen %s:80;\n", site.host, n.address)
	if site.certificate != "" {
		base := filepath.Join(n.folder, "certificates", site.certificate)
		fmt.Fprintf(text, "    listen %s:443 ssl;\n    ssl_certificate %s.crt;\n    ssl_certificate_key %s.key;\n", n.address, base, base)
	}
	for i, rule := range site.rules {
		for _, location := range rule.locations() {
			fmt.Fprintf(text, "    location %s {\n", location)
			if rule.redirects {
				text.WriteString("      if ($scheme = http) { return 308 https://$host$request_uri; }\n")
			}
			if rule.bodySize != "" {
				fmt.Fprintf(text, "      client_max_body_size %s;\n", rule.bodySize)
			}
			if len(rule.servers) == 0 {
				text.WriteString("      return 503;\n    }\n")
				continue
			}
			fmt.Fprintf(text, "      proxy_pass http://site%d_%d;\n    }\n", number, i)
		}
	}
	text.WriteString("  }\n")
}
