// Package chart draws the figures of the notebooks: training curves, image grids, bar charts, histograms, confusion
// matrices, reliability diagrams and heat maps, all in one visual style. A figure is shown in a notebook's cell or
// saved as SVG or PNG.
//
// Every constructor checks its input and returns a [Figure] or an error:
//
//	fig, err := chart.Curves(chart.Axes{Title: "Loss", XLabel: "step"},
//		chart.Series{Name: "train", X: steps, Y: losses})
//	if err != nil { … }
//	err = chart.Show("The loss falls.", fig) // in a notebook, with a caption; does nothing elsewhere
//	err = fig.Save("loss.svg")               // or loss.png
//
// # Style
//
// A figure is a card with its own background, readable on any page: light, or dark where the page is dark (dark.go). PNG
// files are always light. The colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart. By
// convention the training set is [Blue] and the development set [Vermillion];
// style.go defines colours and sizes; confusion.go defines the colours of the confusion matrix.
//
// # Output in a saved notebook
//
// A figure is an SVG file inside an <img> tag, with a PNG beside it for viewers that show no HTML: no script, no
// network access, nothing to install. (A bare image/svg+xml output would be simpler, but JupyterLab hides it in
// notebooks that are not yet trusted, and code forges strip its styles.) Axes and curves are drawn by gonum/plot.
package chart
