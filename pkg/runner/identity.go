package runner

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"nndl.example/resnet18/pkg/cifar"
)

// identity holds what must agree for a run to resume from a checkpoint. The number of epochs and the steps between log lines
// and evaluations may change. But with a schedule or lookahead, what a step does depends on the number of epochs, which is
// then part of the identity.
type identity struct {
	Model        string   `json:"model"`
	BatchSize    int      `json:"batch_size"`
	LearningRate float64  `json:"learning_rate"`
	WeightDecay  float64  `json:"weight_decay"`
	Seed         uint64   `json:"seed"`
	Data         string   `json:"data"`             // fingerprint of the training split
	Dev          string   `json:"dev,omitempty"`    // fingerprint of the dev split
	Images       int      `json:"images,omitempty"` // number of training images; 0 in version 1, which does not have it
	Recipe       Recipe   `json:"recipe,omitzero"`
	Epochs       int      `json:"epochs,omitempty"`  // 0 without a schedule or lookahead
	Initial      string   `json:"initial,omitempty"` // digest of the imported weights that training started from
	Classes      []string `json:"classes,omitempty"` // names of the classes; none for CIFAR-10's
}

func (r *Runner) identity(trainData, dev *cifar.Dataset) identity {
	c := r.Config
	id := identity{
		Model: r.model.String(), BatchSize: c.BatchSize, LearningRate: c.LearningRate, WeightDecay: c.WeightDecay, Seed: c.Seed,
		Data: trainData.Fingerprint(), Dev: dev.Fingerprint(), Images: trainData.Len(), Recipe: c.Recipe,
		Classes: trainData.Classes,
	}
	if c.Recipe.Schedule.Kind != "" || c.Recipe.Lookahead > 0 {
		id.Epochs = c.Epochs
	}
	return id
}

// parseIdentity reads an identity.
func parseIdentity(text string) (id identity, err error) {
	if err := parseJSON(text, &id); err != nil {
		return id, fmt.Errorf("%w: identity of the run: %w", ErrVersion, err)
	}
	return id, nil
}

// parseJSON reads a value of JSON. Anything that this version does not know is an error: it would be lost at the next save, and
// may change what the run does.
func parseJSON(text string, v any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("trailing data after the JSON value")
	}
	return nil
}

// text returns the identity in the form that files contain.
func (id identity) text() (string, error) {
	b, err := json.Marshal(id)
	return string(b), err
}

// runDigest returns the SHA-256 of the identity's text, which ties the file of a best model to its run.
func runDigest(identity string) string {
	sum := sha256.Sum256([]byte(identity))
	return hex.EncodeToString(sum[:])
}

// differences describes how the identity found in a folder differs from the one wanted; "" if they agree.
func differences(found, wanted identity) string {
	var out []string
	compare := func(what string, got, want any) {
		if got != want {
			out = append(out, fmt.Sprintf("%s: got %v, want %v", what, got, want))
		}
	}
	compare("model", found.Model, wanted.Model)
	compare("batch size", found.BatchSize, wanted.BatchSize)
	compare("learning rate", found.LearningRate, wanted.LearningRate)
	compare("weight decay", found.WeightDecay, wanted.WeightDecay)
	compare("seed", found.Seed, wanted.Seed)
	compare("recipe", found.Recipe, wanted.Recipe)
	compare("epochs of the schedule", found.Epochs, wanted.Epochs)
	if found.Images > 0 {
		compare("training images", found.Images, wanted.Images)
	}
	compare("training data", found.Data, wanted.Data)
	compare("dev data", found.Dev, wanted.Dev)
	compare("initial weights", cmp.Or(found.Initial, "none"), cmp.Or(wanted.Initial, "none"))
	if !slices.Equal(found.Classes, wanted.Classes) {
		got, want := firstDifference(found.Classes, wanted.Classes)
		compare("classes", got, want)
	}
	return strings.Join(out, "; ")
}

// firstDifference describes two lists of classes by the number of their names and the first that differ.
func firstDifference(found, wanted []string) (got, want string) {
	at := 0
	for at < min(len(found), len(wanted)) && found[at] == wanted[at] {
		at++
	}
	describe := func(names []string) string {
		switch {
		case names == nil:
			return "CIFAR-10's"
		case at < len(names):
			return fmt.Sprintf("%d with %q", len(names), names[at])
		}
		return strconv.Itoa(len(names))
	}
	return describe(found), describe(wanted)
}
