// Package chart draws the pictures of the notebooks: training curves, grids of images, bars, histograms, a confusion
// matrix, a reliability diagram, a heat map over an image. All share one visual style.
//
// Every constructor checks its input and gives a [Figure] or an error. A Figure is shown in the notebook with
// [Figure.Show] or written to a file with [Figure.Save]:
//
//	fig, err := chart.Curves(chart.Axes{Title: "Loss", XLabel: "step"},
//		chart.Series{Name: "train", X: steps, Y: losses})
//	if err != nil { … }
//	fig.Show()             // in a notebook; elsewhere it does nothing
//	fig.Save("loss.svg")   // or loss.png
//
// # Style
//
// A figure is a light card with dark text, so that it reads the same on a light and on a dark page. Colours are those
// of Okabe and Ito (2008), which stay apart for colour-blind readers; the first series, by habit the training set, is
// [Blue], the second, the development set, is [Vermillion]. Where colour tells right from wrong, a tick or a cross
// says it too.
//
// # What a saved notebook holds
//
// A figure is one SVG file inside an <img> tag, with a PNG beside it for viewers that show no HTML: no script, no
// network, nothing to install. (A bare image/svg+xml output would be simpler, but JupyterLab hides it in a notebook
// that the reader has not yet trusted, and code forges strip its styles.) Axes and curves come from gonum/plot.
package chart
