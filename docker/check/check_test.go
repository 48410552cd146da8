// Package check validates the files for Kubernetes against the API's own types, strictly: an unknown or misspelled field is an error. It
// is a module of its own, because nothing else needs Kubernetes' packages. Run it with "make deploy-check".
package check

import (
	"bytes"
	"os"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

var files = []string{"../jobs/experiments.yaml", "../jupyterhub/shared.yaml"}

// read returns the volume claim and the job of a file.
func read(t *testing.T, path string) (core.PersistentVolumeClaim, batch.Job) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	documents := bytes.Split(text, []byte("\n---\n"))
	if len(documents) != 2 {
		t.Fatalf("%s has %d documents, want a volume claim and a job", path, len(documents))
	}
	var claim core.PersistentVolumeClaim
	var job batch.Job
	for i, into := range []any{&claim, &job} {
		if err := yaml.UnmarshalStrict(documents[i], into); err != nil {
			t.Fatalf("%s, document %d: %v", path, i+1, err)
		}
	}
	if claim.APIVersion+" "+claim.Kind != "v1 PersistentVolumeClaim" || job.APIVersion+" "+job.Kind != "batch/v1 Job" {
		t.Fatalf("%s has a %s %s and a %s %s", path, claim.APIVersion, claim.Kind, job.APIVersion, job.Kind)
	}
	return claim, job
}

// The job mounts the volume that the file claims.
func TestVolumes(t *testing.T) {
	for _, path := range files {
		claim, job := read(t, path)
		pod := job.Spec.Template.Spec
		if len(pod.Volumes) != 1 || pod.Volumes[0].PersistentVolumeClaim.ClaimName != claim.Name {
			t.Errorf("%s: volumes %v, want one, of claim %s", path, pod.Volumes, claim.Name)
		}
		if got := pod.Containers[0].VolumeMounts[0].Name; got != pod.Volumes[0].Name {
			t.Errorf("%s: mounts %q, want %q", path, got, pod.Volumes[0].Name)
		}
	}
}

// The pods may run in a namespace that enforces the Pod Security standard "restricted", as the admission controller itself decides.
func TestPodSecurity(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, path := range files {
		_, job := read(t, path)
		template := job.Spec.Template
		for _, result := range evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec) {
			if !result.Allowed {
				t.Errorf("%s: %s: %s", path, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
	}
}
