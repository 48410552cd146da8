package main

import (
	"fmt"

	"nndl.example/resnet18/pkg/experiments"
)

// experiment trains one row of the table and writes its result.
func (a *app) experiment(args []string) error {
	if args[0] == "list" {
		for _, row := range experiments.Rows() {
			fmt.Fprintf(a.out, "%-16s %s\n", row.Name, row.Change)
		}
		return nil
	}
	row, err := experiments.Find(args[0])
	if err != nil {
		return err
	}
	l, err := a.lab()
	if err != nil {
		return err
	}
	result, err := experiments.Run(l, row)
	if err != nil {
		return err // Train has said how to go on, if it was stopped
	}
	path, err := result.Write(a.results)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "[Test] accuracy/loss: %s/%.4f; %.0f minutes, %.4f PFLOP; %s\n", result.Test(),
		result.TestLoss, result.Seconds/60, result.FLOPs/1e15, path)
	return nil
}
