// Command agents does for the test bed's cluster what a cloud does elsewhere: it makes volumes for claims, and serves Ingresses.
//
// Both agents look at the whole of what they are for after each change. A test bed is small; a rule without history is easy to trust.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// How long after the last pass everything is looked at again although nothing seemed to change: a failed step is tried again then.
const again = 2 * time.Second

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the cluster")
	volumes := flag.String("volumes", "", "folder for the content of volumes")
	ingress := flag.String("ingress", "", "folder for the configuration of nginx")
	address := flag.String("address", "", "address that nginx listens on and Ingresses get in their status")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatalf("kubeconfig %s: %v", *kubeconfig, err)
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatalf("kubeconfig %s: %v", *kubeconfig, err)
	}
	proxy, err := startNginx(*ingress, *address)
	if err != nil {
		log.Fatalf("nginx: %v", err)
	}
	defer proxy.stop()

	factory := informers.NewSharedInformerFactory(client, 0)
	changed := make(chan struct{}, 1)
	provisioner := newProvisioner(client, factory, *volumes)
	controller := newController(client, factory, proxy, *address)
	watch(changed, append(provisioner.informers(), controller.informers()...))
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	log.Print("watching")
	for ctx.Err() == nil {
		provisioner.pass(ctx)
		controller.pass(ctx)
		select {
		case <-changed:
		case <-time.After(again):
		case <-proxy.ended:
			log.Fatal("nginx ended")
		case <-ctx.Done():
		}
	}
}

// watch tells of any change to what the informers see; many changes at once are told once.
func watch(changed chan<- struct{}, informers []cache.SharedIndexInformer) {
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, informer := range informers {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { tell() },
			UpdateFunc: func(any, any) { tell() },
			DeleteFunc: func(any) { tell() },
		})
		if err != nil {
			log.Fatalf("watching: %v", err)
		}
	}
}
