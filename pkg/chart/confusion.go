package chart

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/text"
)

// The colours of the confusion matrix: change them here.
var (
	correctScale = colorScale{color: Blue, low: 0.04, high: 1}           // the diagonal
	mistakeScale = colorScale{color: Vermillion, low: 0.04, high: 0.856} // all other cells
)

// colorScale maps 0 to a pale shade of a colour and 1 to a strong one.
type colorScale struct {
	color     color.Color
	low, high float64 // the opacity over the card at 0 and at 1
}

// at returns the opaque colour for t, from 0 to 1.
func (s colorScale) at(t float64) color.Color { return Tint(s.color, s.low+(s.high-s.low)*t) }

// MaxClasses is the number of classes up to which Confusion's labels and counts are readable.
const MaxClasses = 40

// Confusion draws a confusion matrix: counts[t][p] examples of class t were predicted as class p, so a row is a true
// class. The diagonal shows correct predictions in blue, the other cells mistakes in orange. A cell is coloured by its
// share of its row; mistakes, which are rare, are scaled to the most frequent one. The last column is the recall.
func Confusion(counts [][]int, labels []string) (*Figure, error) {
	if err := checkConfusion(counts, labels); err != nil {
		return nil, err
	}
	return newConfusionMatrix(counts, labels).figure(), nil
}

func checkConfusion(counts [][]int, labels []string) error {
	n := len(labels)
	if n == 0 {
		return errors.New("chart: confusion matrix: no labels: at least one class is needed")
	}
	if n > MaxClasses {
		return fmt.Errorf("chart: confusion matrix of %d classes: at most %d are readable", n, MaxClasses)
	}
	if len(counts) != n {
		return fmt.Errorf("chart: confusion matrix: len(counts)=%d, len(labels)=%d: lengths must be equal", len(counts), n)
	}
	for t, row := range counts {
		if len(row) != n {
			return fmt.Errorf("chart: confusion matrix: row %d (%s) has %d counts, want %d", t, labels[t], len(row), n)
		}
		for p, c := range row {
			if c < 0 {
				return fmt.Errorf("chart: confusion matrix: row %d (%s), column %d (%s) is %d: counts must not be negative", t, labels[t], p, labels[p], c)
			}
		}
	}
	return nil
}

// confusionMatrix is a checked confusion matrix.
type confusionMatrix struct {
	labels         []string
	counts         [][]int
	share          [][]float64 // of the row's examples
	recall         []string    // of each row, in percent
	correct, total int

	worst    float64 // the largest share off the diagonal
	from, to int     // its true and its predicted class
}

func newConfusionMatrix(counts [][]int, labels []string) confusionMatrix {
	n := len(labels)
	m := confusionMatrix{labels: slices.Clone(labels), share: make([][]float64, n), recall: make([]string, n)}
	for t, row := range counts {
		m.counts = append(m.counts, slices.Clone(row))
		sum := 0
		for _, c := range row {
			sum += c
		}
		m.share[t], m.recall[t] = make([]float64, n), "–"
		if sum == 0 {
			continue
		}
		m.total += sum
		m.correct += row[t]
		m.recall[t] = fmt.Sprintf("%.0f %%", 100*float64(row[t])/float64(sum))
		for p, c := range row {
			m.share[t][p] = float64(c) / float64(sum)
			if p != t && m.share[t][p] > m.worst {
				m.worst, m.from, m.to = m.share[t][p], t, p
			}
		}
	}
	return m
}

func (m confusionMatrix) figure() *Figure {
	n := len(m.labels)
	small := textStyle(textSize, false, Ink)
	if n > 10 {
		small = textStyle(11, false, Ink)
	}
	alt := m.alt() // with the labels in full
	labelWidth := 0.0
	for i, l := range m.labels {
		m.labels[i] = fit(l, small, 140)
		labelWidth = max(labelWidth, width(m.labels[i], small))
	}
	title := fmt.Sprintf("Confusion matrix: %s of %s right", Count(m.correct), Count(m.total))
	size := max(40-float64(max(0, n-10)), 22) // of a cell
	x, y := margin+22+labelWidth+8, float64(margin)+28+22+0.71*labelWidth+14
	side := size * float64(n)
	return &Figure{
		Title: "Confusion matrix", Alt: alt,
		width: max(x+side+8+38+margin, x+side+0.71*width(m.labels[n-1], small)+margin,
			2*margin+width(title, textStyle(titleSize, true, Ink))),
		height: y + side + margin,
		paint: func(p pen) {
			p.card()
			p.text(margin, margin+8, title, textStyle(titleSize, true, Ink), left)
			m.paintLabels(p, x, y, size, small)
			for t := range m.counts {
				for c := range m.counts[t] {
					m.paintCell(p, t, c, x+size*float64(c), y+size*float64(t), size)
				}
			}
		},
	}
}

// paintLabels writes the class names and recalls around the matrix, whose top left corner is at x, y.
func (m confusionMatrix) paintLabels(p pen, x, y, size float64, sty text.Style) {
	side := size * float64(len(m.labels))
	heading := textStyle(textSize, false, Muted)
	p.text(x+side/2, margin+36, "predicted class", heading, centre)
	p.rotatedText(margin+8, y+side/2, "true class", heading, math.Pi/2, centre)
	for i, l := range m.labels {
		mid := size * (float64(i) + 0.5)
		p.text(x-8, y+mid, l, sty, right)
		p.rotatedText(x+mid+2, y-8, l, sty, math.Pi/4, left)
		recall := sty
		recall.Color = correctScale.color
		p.text(x+side+8, y+mid, m.recall[i], recall, left)
	}
	p.text(x+side+8, y-12, "right", heading, left)
}

// paintCell draws the cell of true class t and predicted class c with its top left corner at x, y.
func (m confusionMatrix) paintCell(p pen, t, c int, x, y, size float64) {
	fill := correctScale.at(m.share[t][c])
	if t != c {
		fill = mistakeScale.at(0)
		if m.worst > 0 {
			fill = mistakeScale.at(m.share[t][c] / m.worst)
		}
	}
	p.rect(x+0.5, y+0.5, size-1, size-1, fill)
	count := strconv.Itoa(m.counts[t][c])
	sty := textStyle(textSize, t == c, textColorOn(fill))
	for sty.Font.Size > 7 && width(count, sty) > size-4 {
		sty.Font.Size--
	}
	p.text(x+size/2, y+size/2, count, sty, centre)
}

func (m confusionMatrix) alt() string {
	s := fmt.Sprintf("Confusion matrix of %d classes: %s of %s examples on the diagonal",
		len(m.labels), Count(m.correct), Count(m.total))
	if m.worst > 0 {
		s += fmt.Sprintf("; most often %s is taken for %s (%d times, %.0f %% of the class)",
			m.labels[m.from], m.labels[m.to], m.counts[m.from][m.to], 100*m.worst)
	}
	return s + "."
}
