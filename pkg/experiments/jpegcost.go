package experiments

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"nndl.example/resnet18/pkg/internal/regularfile"
	"nndl.example/resnet18/pkg/runner"
)

// JPEGCost is what bench/jpegcost measures: how well a network does on CIFAR-10's original pixels and on versions of the JPEG
// copy. It is saved as notebooks/results/jpeg-cost.json.
type JPEGCost struct {
	Command     string        `json:"command"`
	Data        string        `json:"data"` // in words
	Network     string        `json:"network"`
	Config      runner.Config `json:"config"`
	Seeds       int           `json:"seeds"`
	Images      int           `json:"images"` // tested, each once a seed
	Device      string        `json:"device"`
	Versions    []Version     `json:"versions"`
	Differences []Difference  `json:"differences"`
	Runs        []VersionsRun `json:"runs"`
}

// Version is a version of the images, with the accuracy of the networks that are trained and tested on it.
type Version struct {
	Name     string  `json:"name"`
	PSNR     float64 `json:"psnr,omitempty"` // peak signal-to-noise ratio to the original pixels in dB, mean over the images; 0 for these
	Accuracy float64 `json:"accuracy"`
}

// Difference is the accuracy of version A minus that of B, with its 95% interval.
type Difference struct {
	A          string  `json:"a"`
	B          string  `json:"b"`
	Mean       float64 `json:"mean"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Z          float64 `json:"z"`           // Mean, divided by the larger of the two standard errors
	ImageError float64 `json:"image_error"` // standard error of Mean, from the differences of the images
	RunError   float64 `json:"run_error"`   // the same, from those of the runs
}

// VersionsRun has the accuracy of each version for one seed and one test set.
type VersionsRun struct {
	Part     int       `json:"part"` // the number of the test set
	Seed     uint64    `json:"seed"`
	Accuracy []float64 `json:"accuracy"`
}

// Print writes the accuracies and their differences.
func (c *JPEGCost) Print(out io.Writer) {
	fmt.Fprintf(out, "%s, seeds: %d; %s\n", c.Data, c.Seeds, c.Network)
	for i, v := range c.Versions {
		fmt.Fprintf(out, "%-9s accuracy %.4f", v.Name, v.Accuracy)
		if i > 0 {
			fmt.Fprintf(out, ", PSNR %.2f dB", v.PSNR)
		}
		fmt.Fprintln(out)
	}
	for _, d := range c.Differences {
		fmt.Fprintf(out, "%s minus %s: %+.2f points, 95%% interval %+.2f to %+.2f, z = %+.1f\n",
			d.A, d.B, 100*d.Mean, 100*d.Low, 100*d.High, d.Z)
	}
}

const jpegCostFile = "jpeg-cost.json"

// ReadJPEGCost reads dir/jpeg-cost.json.
func ReadJPEGCost(dir string) (*JPEGCost, error) {
	path := filepath.Join(dir, jpegCostFile)
	text, err := regularfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("experiments: %w; run \"make jpeg-cost\" to create it", err)
	}
	c := &JPEGCost{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("experiments: %s: %w", path, err)
	}
	return c, nil
}

// Write writes dir/jpeg-cost.json.
func (c *JPEGCost) Write(dir string) error {
	return writeFile(filepath.Join(dir, jpegCostFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(c)
	})
}
