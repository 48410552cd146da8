package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/experiments"
	"nndl.example/resnet18/pkg/lab"
)

// steps are the rows of notebook 07 that lead from the short training to the modern recipe with Muon, with their labels.
var steps = []struct{ row, en, zh string }{
	{"reference", "the chapter, ¼ of the data", "书中的配置，¼的数据"},
	{"full-chapter", "the chapter, all data", "书中的配置，全部数据"},
	{"full-schedule-augment", "+ schedule and augmentation", "+ 学习率调度和数据增强"},
	{"imagenet-15", "another recipe, ½ the work", "另一种配置，½的计算量"},
	{"stem-15", "+ CIFAR stem, 7½ × the work", "+ CIFAR的stem，7½倍的计算量"},
	{"modern", "modern, the chapter's work", "现代网络和配置，书中的计算量"},
	{"modern-full", "+ lookahead, PreciseBN, TTA", "+ lookahead、PreciseBN、TTA"},
	{"modern-muon", "+ Muon", "+ Muon"},
}

// results draws the test accuracies of these rows, means over the seeds, as bars.
func results(_ *lab.Lab, lang language) (*chart.Figure, error) {
	all, err := experiments.ReadAll(filepath.Join("notebooks", "results"))
	if err != nil {
		return nil, err
	}
	groups := experiments.Groups(all)
	var labels []string
	var values []float64
	for _, s := range steps {
		i := slices.IndexFunc(groups, func(g experiments.Group) bool { return g.Name == s.row })
		if i < 0 {
			return nil, fmt.Errorf("no result of %s in notebooks/results: run resnet18 experiment %s", s.row, s.row)
		}
		labels = append(labels, lang.in(s.en, s.zh))
		values = append(values, 100*groups[i].TestAccuracy())
	}
	last := len(values) - 1
	title := fmt.Sprintf(lang.in("From %.0f%% to %.0f%%, step by step", "从%.0f%%到%.0f%%，一步一步"), values[0], values[last])
	axes := chart.Axes{Title: title, XLabel: lang.in("test accuracy in percent", "测试集准确率（%）"), XMax: new(100.0)}
	fig, err := chart.Bars(axes, labels, values, last)
	if err != nil {
		return nil, err
	}
	if lang == "zh" { // chart writes English
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = fmt.Sprintf("%s，%.2f", labels[i], v)
		}
		fig.Alt = title + "：" + strings.Join(parts, "；") + "。"
	}
	return fig, nil
}
