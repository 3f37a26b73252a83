package main

import (
	"context"
	"log"
	"os"
	"path/filepath"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	// provisionerName is what a StorageClass names to be served here.
	provisionerName = "iac.test/host-path"
	provisionedBy   = "pv.kubernetes.io/provisioned-by"
	selectedNode    = "volume.kubernetes.io/selected-node"
)

// provisioner makes a folder and a PersistentVolume for each claim of our classes, grows them, and removes both after the claim.
type provisioner struct {
	client  kubernetes.Interface
	folder  string
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
	classes storagelisters.StorageClassLister
	watched []cache.SharedIndexInformer
}

func newProvisioner(client kubernetes.Interface, factory informers.SharedInformerFactory, folder string) *provisioner {
	claims := factory.Core().V1().PersistentVolumeClaims()
	volumes := factory.Core().V1().PersistentVolumes()
	classes := factory.Storage().V1().StorageClasses()
	return &provisioner{
		client: client, folder: folder,
		claims: claims.Lister(), volumes: volumes.Lister(), classes: classes.Lister(),
		watched: []cache.SharedIndexInformer{claims.Informer(), volumes.Informer(), classes.Informer()},
	}
}

func (p *provisioner) informers() []cache.SharedIndexInformer { return p.watched }

func (p *provisioner) pass(ctx context.Context) {
	claims, _ := p.claims.List(labels.Everything())
	for _, claim := range claims {
		if err := p.serve(ctx, claim); err != nil {
			log.Printf("claim %s/%s: %v", claim.Namespace, claim.Name, err)
		}
	}
	volumes, _ := p.volumes.List(labels.Everything())
	for _, volume := range volumes {
		if err := p.reclaim(ctx, volume); err != nil {
			log.Printf("volume %s: %v", volume.Name, err)
		}
	}
}

// serve makes the volume of a claim that has none, and grows that of a claim that asks for more.
func (p *provisioner) serve(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	if claim.Spec.StorageClassName == nil || claim.DeletionTimestamp != nil {
		return nil
	}
	class, err := p.classes.Get(*claim.Spec.StorageClassName)
	if err != nil || class.Provisioner != provisionerName {
		return nil // someone else's, or of a class that does not exist (yet)
	}
	if claim.Spec.VolumeName != "" {
		return p.grow(ctx, claim)
	}
	waits := class.VolumeBindingMode != nil && *class.VolumeBindingMode == storage.VolumeBindingWaitForFirstConsumer
	if waits && claim.Annotations[selectedNode] == "" {
		return nil
	}
	volume := p.volumeFor(claim, class)
	if _, err := p.volumes.Get(volume.Name); err == nil {
		return nil
	}
	path := volume.Spec.HostPath.Path
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o777); err != nil { // whatever the umask says: pods run as any user
		return err
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (p *provisioner) volumeFor(claim *core.PersistentVolumeClaim, class *storage.StorageClass) *core.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	policy := core.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	kind := core.HostPathDirectory
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisionerName}},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              class.Name,
			PersistentVolumeReclaimPolicy: policy,
			ClaimRef: &core.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: core.PersistentVolumeSource{
				HostPath: &core.HostPathVolumeSource{Path: filepath.Join(p.folder, name), Type: &kind},
			},
		},
	}
}

// grow gives a bound claim the size that it asks for. A folder has no size of its own, so that is a matter of two numbers.
func (p *provisioner) grow(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	volume, err := p.volumes.Get(claim.Spec.VolumeName)
	if err != nil || volume.Annotations[provisionedBy] != provisionerName || claim.Status.Phase != core.ClaimBound {
		return nil
	}
	wanted := claim.Spec.Resources.Requests[core.ResourceStorage]
	if has := volume.Spec.Capacity[core.ResourceStorage]; wanted.Cmp(has) > 0 {
		larger := volume.DeepCopy()
		larger.Spec.Capacity[core.ResourceStorage] = wanted
		if _, err := p.client.CoreV1().PersistentVolumes().Update(ctx, larger, meta.UpdateOptions{}); err != nil {
			return err
		}
	}
	if has := claim.Status.Capacity[core.ResourceStorage]; wanted.Cmp(has) > 0 {
		larger := claim.DeepCopy()
		larger.Status.Capacity = core.ResourceList{core.ResourceStorage: wanted}
		larger.Status.Conditions = nil
		_, err := p.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, larger, meta.UpdateOptions{})
		return err
	}
	return nil
}

// reclaim removes a volume whose claim is gone, so that a claim of the same name starts afresh.
func (p *provisioner) reclaim(ctx context.Context, volume *core.PersistentVolume) error {
	ours := volume.Annotations[provisionedBy] == provisionerName
	free := volume.Status.Phase == core.VolumeReleased || volume.Status.Phase == core.VolumeFailed
	deletes := volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete
	if !ours || !free || !deletes || volume.DeletionTimestamp != nil {
		return nil
	}
	// The name, not the path in the object, says what is removed: an object can be edited to point anywhere.
	if err := os.RemoveAll(filepath.Join(p.folder, filepath.Base(volume.Name))); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
	if errors.IsNotFound(err) {
		return nil
	}
	return err
}
