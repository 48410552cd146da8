package resnet_test

import (
	"fmt"

	"nndl.example/resnet18/pkg/resnet"
)

func ExampleConfig_Summary() {
	for _, c := range []resnet.Config{resnet.Library(), resnet.Custom(3, 10, true), {NumClasses: 10, Stem: resnet.CIFARStem}, {Depth: 34}} {
		s := c.Summary()
		fmt.Printf("%s: %d parameters, %.1f M multiply-adds\n", s.Model, s.Params(), float64(s.MACs())/1e6)
	}
	// Output:
	// ResNet-18, imagenet stem, 1000 classes: 11689512 parameters, 37.5 M multiply-adds
	// ResNet-18, imagenet stem, 10 classes: 11181642 parameters, 37.0 M multiply-adds
	// ResNet-18, cifar stem, 10 classes: 11173962 parameters, 555.4 M multiply-adds
	// ResNet-34, imagenet stem, 1000 classes: 21797672 parameters, 75.3 M multiply-adds
}

func ExampleSummary_Live() {
	s := resnet.Custom(3, 10, true).Summary()
	fmt.Printf("%d of %d parameters never see data (%.0f%%)\n", s.Params()-s.Live(), s.Params(), 100*float64(s.Params()-s.Live())/float64(s.Params()))
	// Output:
	// 6946816 of 11181642 parameters never see data (62%)
}
