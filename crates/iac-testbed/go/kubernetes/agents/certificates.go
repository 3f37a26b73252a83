package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log"
	"math/big"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const issuerAnnotation = "cert-manager.io/cluster-issuer"

// certificateFor names the certificate of a host in an Ingress: that of its TLS entry, or none.
func certificateFor(ingress *networking.Ingress, host string) string {
	for _, entry := range ingress.Spec.TLS {
		matches := len(entry.Hosts) == 0
		for _, name := range entry.Hosts {
			matches = matches || name == host
		}
		if matches {
			return certificateName(ingress, entry)
		}
	}
	return ""
}

func certificateName(ingress *networking.Ingress, entry networking.IngressTLS) string {
	if entry.SecretName == "" {
		return "default"
	}
	return ingress.Namespace + "_" + entry.SecretName
}

// certificates writes the certificate of each TLS entry where nginx reads it, and tells whether one of them changed.
// An entry whose Secret is absent gets a self-signed one; with an issuer named and no cert-manager here, it goes into the Secret as well.
func (c *controller) certificates(ctx context.Context, ingresses []*networking.Ingress) bool {
	changed := false
	for _, ingress := range ingresses {
		for _, entry := range ingress.Spec.TLS {
			if entry.SecretName == "" {
				continue
			}
			certificate, key, version := c.lookUp(ingress, entry)
			name := certificateName(ingress, entry)
			if version != "" && c.written[name] == version {
				continue
			}
			if version == "" {
				if c.written[name] == "self-signed" && !c.issues(ingress) {
					continue
				}
				var err error
				if certificate, key, err = c.issue(ctx, ingress, entry); err != nil {
					log.Printf("certificate %s: %v", name, err)
					continue
				}
				version = "self-signed"
			}
			if err := c.proxy.writeCertificate(name, certificate, key); err != nil {
				log.Printf("certificate %s: %v", name, err)
				continue
			}
			c.written[name] = version
			changed = true
		}
	}
	return changed
}

// lookUp gives the certificate in the Secret of a TLS entry and its version; no version where there is none that can be used.
func (c *controller) lookUp(ingress *networking.Ingress, entry networking.IngressTLS) (certificate, key []byte, version string) {
	secret, err := c.secrets.Secrets(ingress.Namespace).Get(entry.SecretName)
	if err != nil {
		return nil, nil, ""
	}
	certificate, key = secret.Data[core.TLSCertKey], secret.Data[core.TLSPrivateKeyKey]
	if _, err := tls.X509KeyPair(certificate, key); err != nil {
		return nil, nil, ""
	}
	return certificate, key, secret.ResourceVersion
}

// issues tells whether we stand in for cert-manager: an issuer is named, and the real one is not installed.
func (c *controller) issues(ingress *networking.Ingress) bool {
	if ingress.Annotations[issuerAnnotation] == "" {
		return false
	}
	_, err := c.client.Discovery().ServerResourcesForGroupVersion("cert-manager.io/v1")
	return errors.IsNotFound(err)
}

// issue makes a self-signed certificate for the hosts of a TLS entry.
func (c *controller) issue(ctx context.Context, ingress *networking.Ingress, entry networking.IngressTLS) (certificate, key []byte, err error) {
	if certificate, key, err = selfSigned(entry.Hosts); err != nil || !c.issues(ingress) {
		return certificate, key, err
	}
	secret := &core.Secret{
		ObjectMeta: meta.ObjectMeta{
			Name: entry.SecretName, Namespace: ingress.Namespace,
			Annotations: map[string]string{"iac.test/issued-by": "the stand-in for cert-manager"},
			OwnerReferences: []meta.OwnerReference{
				*meta.NewControllerRef(ingress, networking.SchemeGroupVersion.WithKind("Ingress")),
			},
		},
		Type: core.SecretTypeTLS,
		Data: map[string][]byte{core.TLSCertKey: certificate, core.TLSPrivateKeyKey: key},
	}
	_, err = c.client.CoreV1().Secrets(ingress.Namespace).Create(ctx, secret, meta.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		err = nil // made meanwhile, or someone's with other content: never overwritten
	}
	return certificate, key, err
}

// selfSigned makes a certificate for names that nobody vouches for.
func selfSigned(names []string) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "iac-testbed self-signed"},
		DNSNames:     names,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return certificate, key, nil
}
