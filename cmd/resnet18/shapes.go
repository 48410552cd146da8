package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/imagefolder/shapes"
)

func (a *app) shapes() *cobra.Command {
	perClass, seed := 100, uint64(1)
	c := &cobra.Command{
		Use: "shapes [flags] FOLDER", Short: "Draw pictures of shapes, an example for train -data.", Args: arguments(1, 1, "FOLDER"),
		Long: `Draws pictures of shapes into a new folder, which has a subfolder for each class: ` + strings.Join(shapes.Classes, ", ") + `.
"resnet18 train -data FOLDER" trains on them.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if perClass < 3 || perClass > 10000 {
				return usagef("-images is %d, want 3 to 10000", perClass)
			}
			if err := shapes.Write(args[0], perClass, seed); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: %d pictures of each of %d classes\n", args[0], perClass, len(shapes.Classes))
			return nil
		},
	}
	f := flags(c)
	f.IntVar(&perClass, "images", perClass, "`NUMBER`: pictures of each class")
	f.Uint64Var(&seed, "seed", seed, "`NUMBER`: seed of the drawings")
	return c
}
