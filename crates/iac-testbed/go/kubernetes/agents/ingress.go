package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"regexp"
	"sort"
	"strconv"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networklisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	discovery "k8s.io/api/discovery/v1"
)

const (
	className   = "nginx"
	annotations = "nginx.ingress.kubernetes.io/"
)

// site is one host and what it serves.
type site struct {
	host        string
	certificate string
	rules       []rule
}

// rule is one path of a host.
type rule struct {
	path      string
	kind      networking.PathType
	regex     bool
	redirects bool
	bodySize  string
	servers   []string
}

// plain is what may be written into nginx's configuration as it is.
var plain = regexp.MustCompile(`^[A-Za-z0-9/._~%:@*+()|\[\]^$?\\-]*$`)

// locations gives the words after `location` that match the rule's path.
func (r rule) locations() []string {
	switch {
	case r.regex && r.kind != networking.PathTypeExact:
		return []string{fmt.Sprintf("~* \"^%s\"", r.path)}
	case r.kind == networking.PathTypeExact:
		return []string{"= " + r.path}
	case r.path == "/" || r.path == "":
		return []string{"/"}
	case r.path[len(r.path)-1] == '/':
		return []string{r.path}
	}
	return []string{"= " + r.path, r.path + "/"} // /a is /a and /a/b, and not /ab
}

// controller serves the Ingresses of class nginx.
type controller struct {
	client    kubernetes.Interface
	proxy     *nginx
	address   string
	ingresses networklisters.IngressLister
	services  corelisters.ServiceLister
	secrets   corelisters.SecretLister
	slices    discoverylisters.EndpointSliceLister
	watched   []cache.SharedIndexInformer
	written   map[string]string
}

func newController(client kubernetes.Interface, factory informers.SharedInformerFactory, proxy *nginx, address string) *controller {
	ingresses := factory.Networking().V1().Ingresses()
	services := factory.Core().V1().Services()
	secrets := factory.Core().V1().Secrets()
	slices := factory.Discovery().V1().EndpointSlices()
	return &controller{
		client: client, proxy: proxy, address: address,
		ingresses: ingresses.Lister(), services: services.Lister(), secrets: secrets.Lister(), slices: slices.Lister(),
		watched: []cache.SharedIndexInformer{ingresses.Informer(), services.Informer(), secrets.Informer(), slices.Informer()},
		written: map[string]string{},
	}
}

func (c *controller) informers() []cache.SharedIndexInformer { return c.watched }

func (c *controller) pass(ctx context.Context) {
	all, _ := c.ingresses.List(labels.Everything())
	var ours []*networking.Ingress
	for _, ingress := range all {
		if classOf(ingress) == className && ingress.DeletionTimestamp == nil {
			ours = append(ours, ingress)
		}
	}
	// Where two claim the same path of a host, the older one has it.
	sort.Slice(ours, func(i, j int) bool {
		a, b := ours[i], ours[j]
		if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
			return a.Namespace+"/"+a.Name < b.Namespace+"/"+b.Name
		}
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	})
	renewed := c.certificates(ctx, ours)
	if err := c.proxy.serve(c.sites(ours), renewed); err != nil {
		log.Print(err)
		return
	}
	for _, ingress := range ours {
		if err := c.publish(ctx, ingress); err != nil {
			log.Printf("ingress %s/%s: %v", ingress.Namespace, ingress.Name, err)
		}
	}
}

func classOf(ingress *networking.Ingress) string {
	if ingress.Spec.IngressClassName != nil {
		return *ingress.Spec.IngressClassName
	}
	return ingress.Annotations["kubernetes.io/ingress.class"]
}

// sites gathers the rules of all Ingresses by host.
func (c *controller) sites(ingresses []*networking.Ingress) []site {
	byHost := map[string]*site{}
	for _, ingress := range ingresses {
		for _, rules := range ingress.Spec.Rules {
			host := rules.Host
			if host == "" {
				host = "_"
			}
			if !plain.MatchString(host) || rules.HTTP == nil {
				continue
			}
			if byHost[host] == nil {
				byHost[host] = &site{host: host}
			}
			c.addRules(byHost[host], ingress, rules)
		}
	}
	sites := make([]site, 0, len(byHost))
	for _, site := range byHost {
		sites = append(sites, *site)
	}
	sort.Slice(sites, func(i, j int) bool { return sites[i].host < sites[j].host })
	return sites
}

func (c *controller) addRules(site *site, ingress *networking.Ingress, rules networking.IngressRule) {
	certificate := certificateFor(ingress, rules.Host)
	if site.certificate == "" {
		site.certificate = certificate
	}
	for _, path := range rules.HTTP.Paths {
		if !plain.MatchString(path.Path) {
			log.Printf("ingress %s/%s: path %q has characters that are not served here", ingress.Namespace, ingress.Name, path.Path)
			continue
		}
		next := rule{
			path:      path.Path,
			regex:     ingress.Annotations[annotations+"use-regex"] == "true",
			redirects: certificate != "" && ingress.Annotations[annotations+"ssl-redirect"] != "false",
			servers:   c.servers(ingress.Namespace, path.Backend.Service),
		}
		if size := ingress.Annotations[annotations+"proxy-body-size"]; regexp.MustCompile(`^\d+[kKmMgG]?$`).MatchString(size) {
			next.bodySize = size
		}
		if path.PathType != nil {
			next.kind = *path.PathType
		}
		taken := false
		for _, known := range site.rules {
			taken = taken || known.path == next.path && known.kind == next.kind
		}
		if !taken {
			site.rules = append(site.rules, next)
		}
	}
}

// servers gives the addresses of the ready pods behind a Service.
func (c *controller) servers(namespace string, backend *networking.IngressServiceBackend) []string {
	if backend == nil {
		return nil
	}
	service, err := c.services.Services(namespace).Get(backend.Name)
	if err != nil {
		return nil
	}
	var port *core.ServicePort
	for i, candidate := range service.Spec.Ports {
		if candidate.Port == backend.Port.Number || backend.Port.Name != "" && candidate.Name == backend.Port.Name {
			port = &service.Spec.Ports[i]
		}
	}
	if port == nil {
		return nil
	}
	selector := labels.SelectorFromSet(labels.Set{discovery.LabelServiceName: service.Name})
	slices, _ := c.slices.EndpointSlices(namespace).List(selector)
	var servers []string
	for _, slice := range slices {
		for _, target := range slice.Ports {
			if target.Port == nil || target.Name != nil && *target.Name != port.Name {
				continue
			}
			for _, endpoint := range slice.Endpoints {
				if ready := endpoint.Conditions.Ready; ready != nil && !*ready {
					continue
				}
				for _, address := range endpoint.Addresses {
					servers = append(servers, net.JoinHostPort(address, strconv.Itoa(int(*target.Port))))
				}
			}
		}
	}
	sort.Strings(servers)
	return servers
}

// publish writes the address that the Ingress is served on into its status.
func (c *controller) publish(ctx context.Context, ingress *networking.Ingress) error {
	have := ingress.Status.LoadBalancer.Ingress
	if len(have) == 1 && have[0].IP == c.address {
		return nil
	}
	served := ingress.DeepCopy()
	served.Status.LoadBalancer.Ingress = []networking.IngressLoadBalancerIngress{{IP: c.address}}
	_, err := c.client.NetworkingV1().Ingresses(ingress.Namespace).UpdateStatus(ctx, served, meta.UpdateOptions{})
	return err
}
