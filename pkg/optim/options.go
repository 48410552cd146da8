package optim

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// Names lists the optimizers that Options accepts: AdamL2, AdamW, and SGD without momentum, with momentum and with
// Nesterov's.
var Names = []string{"adam-l2", "adamw", "sgd", "momentum", "nesterov"}

// Options selects an optimizer.
type Options struct {
	Name         string  // one of Names; "" means "adam-l2"
	LearningRate float64 // η
	WeightDecay  float64 // λ; see AdamL2, AdamW and SGD
	Momentum     float64 // μ of "momentum" and "nesterov"
	MuonRate     float64 // η of Muon for the kernels of convolutions, which then have no weight decay; 0 means no Muon
	MuonMomentum float64 // μ of Muon; 0 means Momentum
}

// Validate returns an error that names the first option that is invalid or does not go with the others.
func (o Options) Validate() error {
	hasMomentum := o.Name == "momentum" || o.Name == "nesterov"
	switch {
	case o.Name != "" && !slices.Contains(Names, o.Name):
		return fmt.Errorf("optim: optimizer is %q, want one of %v", o.Name, Names)
	case o.Momentum != 0 && !hasMomentum:
		return fmt.Errorf("optim: momentum is %g for optimizer %q: want 0, or optimizer \"momentum\" or \"nesterov\"", o.Momentum, o.Name)
	case !(o.Momentum >= 0 && o.Momentum < 1):
		return fmt.Errorf("optim: momentum is %g, want at least 0 and less than 1", o.Momentum)
	case !(o.MuonRate >= 0 && o.MuonRate <= 1):
		return fmt.Errorf("optim: Muon's learning rate is %g, want 0 (no Muon) to 1", o.MuonRate)
	case !(o.MuonMomentum >= 0 && o.MuonMomentum < 1) || o.MuonMomentum > 0 && o.MuonRate == 0:
		return fmt.Errorf("optim: Muon's momentum is %g with learning rate %g, want at least 0 and less than 1, and 0 without Muon", o.MuonMomentum, o.MuonRate)
	case o.MuonRate > 0 && !hasMomentum && o.Name != "sgd":
		return fmt.Errorf("optim: optimizer is %q, want sgd, momentum or nesterov for the variables that Muon does not train", o.Name)
	}
	return nil
}

// New returns the optimizer.
func (o Options) New() optimizer.Interface {
	switch o.Name {
	case "adamw":
		return AdamW(o.LearningRate, o.WeightDecay)
	case "sgd", "momentum", "nesterov":
		sgd := &momentumSGD{
			learningRate: o.LearningRate, momentum: o.Momentum, nesterov: o.Name == "nesterov",
			muonRate: o.MuonRate, muonMomentum: cmp.Or(o.MuonMomentum, o.Momentum),
		}
		exempt := func(v *model.Variable) bool { return o.MuonRate > 0 && isConvKernel(v) }
		return &coupledL2{Interface: sgd, weightDecay: o.WeightDecay, exempt: exempt}
	}
	return AdamL2(o.LearningRate, o.WeightDecay)
}

// isConvKernel reports whether v is the kernel of a convolution.
func isConvKernel(v *model.Variable) bool { return v.Shape().Rank() == 4 }
