package chart

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Confusion draws the confusion matrix: counts[t][p] examples of class t were taken for class p. A row is a true class.
// On the diagonal are the right answers, in blue, off it the mistakes, in orange; the colour says what share of
// its row a cell has. The mistakes, being few, have a scale of their own, up to the most frequent one. The last column
// says which share of the row is right (the recall).
func Confusion(counts [][]int, labels []string) (*Figure, error) {
	n := len(labels)
	if n == 0 {
		return nil, errors.New("chart: confusion matrix without labels: want at least one class")
	}
	if n > 40 {
		return nil, fmt.Errorf("chart: confusion matrix of %d classes: want 40 at most, more cannot be read", n)
	}
	if len(counts) != n {
		return nil, fmt.Errorf("chart: confusion matrix of %d rows for %d labels: want as many", len(counts), n)
	}
	m := matrix{labels: append([]string(nil), labels...), share: make([][]float64, n), recall: make([]string, n)}
	for t, row := range counts {
		if len(row) != n {
			return nil, fmt.Errorf("chart: confusion matrix: row %d (%s) has %d counts: want %d", t, labels[t], len(row), n)
		}
		m.counts = append(m.counts, append([]int(nil), row...))
		sum := 0
		for p, c := range row {
			if c < 0 {
				return nil, fmt.Errorf("chart: confusion matrix: row %d (%s), column %d (%s) is %d: want a count of 0 or more", t, labels[t], p, labels[p], c)
			}
			sum += c
		}
		m.share[t], m.recall[t] = make([]float64, n), "–"
		if sum == 0 {
			continue
		}
		m.total += sum
		m.right += row[t]
		m.recall[t] = fmt.Sprintf("%.0f %%", 100*float64(row[t])/float64(sum))
		for p, c := range row {
			m.share[t][p] = float64(c) / float64(sum)
			if p != t && m.share[t][p] > m.worst {
				m.worst, m.from, m.to = m.share[t][p], t, p
			}
		}
	}
	m.alt = m.describe()
	return m.figure(), nil
}

// matrix is a checked confusion matrix.
type matrix struct {
	labels       []string
	counts       [][]int
	share        [][]float64 // of its row
	recall       []string
	right, total int
	alt          string
	worst        float64 // the largest share off the diagonal,
	from, to     int     // and where it is
}

func (m matrix) figure() *Figure {
	n := len(m.labels)
	cell := math.Max(40-float64(max(0, n-10)), 22)
	small := style(textSize, false, ink)
	if n > 10 {
		small = style(11, false, ink)
	}
	names := 0.0
	for i, l := range m.labels {
		m.labels[i] = fit(l, small, 140)
		names = math.Max(names, width(m.labels[i], small))
	}
	x0 := margin + 22 + names + 8
	y0 := float64(margin) + 28 + 22 + 0.71*names + 14
	side := cell * float64(n)
	f := &Figure{Title: "Confusion matrix", width: x0 + side + 8 + 38 + margin, height: y0 + side + margin}
	f.width = math.Max(f.width, x0+side+0.71*width(m.labels[n-1], small)+margin)
	title := fmt.Sprintf("Confusion matrix: %s of %s right", number(float64(m.right), 0), number(float64(m.total), 0))
	f.width = math.Max(f.width, 2*margin+width(title, style(titleSize, true, ink)))
	f.Alt = m.alt
	f.paint = func(p pen) {
		p.card()
		p.text(margin, margin+8, title, style(titleSize, true, ink), left)
		label := style(textSize, false, muted)
		p.text(x0+side/2, margin+36, "predicted class", label, centre)
		p.turned(margin+8, y0+side/2, "true class", label, math.Pi/2, centre)
		for i, l := range m.labels {
			mid := cell * (float64(i) + 0.5)
			p.text(x0-8, y0+mid, l, small, right)
			p.turned(x0+mid+2, y0-8, l, small, math.Pi/4, left)
			recall := small
			recall.Color = Blue
			p.text(x0+side+8, y0+mid, m.recall[i], recall, left)
		}
		p.text(x0+side+8, y0-12, "right", label, left)
		for t := range m.counts {
			for c := range m.counts[t] {
				m.cell(p, t, c, x0+cell*float64(c), y0+cell*float64(t), cell)
			}
		}
	}
	return f
}

// cell draws one cell of the matrix.
func (m matrix) cell(p pen, t, c int, x, y, size float64) {
	col, depth := Blue, m.share[t][c]
	if t != c {
		col, depth = Vermillion, 0
		if m.worst > 0 {
			depth = 0.85 * m.share[t][c] / m.worst
		}
	}
	fill := mix(col, 0.04+0.96*depth)
	p.rect(x+0.5, y+0.5, size-1, size-1, fill)
	text := strconv.Itoa(m.counts[t][c])
	sty := style(textSize, t == c, over(fill))
	for sty.Font.Size > 7 && width(text, sty) > size-4 {
		sty.Font.Size--
	}
	p.text(x+size/2, y+size/2, text, sty, centre)
}

// describe puts the matrix into words.
func (m matrix) describe() string {
	text := fmt.Sprintf("Confusion matrix of %d classes: %s of %s examples on the diagonal", len(m.labels), number(float64(m.right), 0), number(float64(m.total), 0))
	if m.worst > 0 {
		text += fmt.Sprintf("; most often %s is taken for %s (%d times, %.0f %% of the class)",
			m.labels[m.from], m.labels[m.to], m.counts[m.from][m.to], 100*m.worst)
	}
	return text + "."
}
