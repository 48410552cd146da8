package chart

import "strings"

// Row places figures side by side; in a narrow window they wrap. Nil and empty figures are omitted.
func Row(figs ...*Figure) *Figure {
	const gap = 12
	row := &Figure{}
	var titles, alts []string
	for _, f := range figs {
		if f == nil || f.paint == nil {
			continue
		}
		// A row inside a row is flattened, so that each of its figures can wrap.
		if len(f.parts) > 0 {
			row.parts = append(row.parts, f.parts...)
		} else {
			row.parts = append(row.parts, f)
		}
		if f.Title != "" {
			titles = append(titles, f.Title)
		}
		if d := f.description(); d != "" {
			alts = append(alts, d)
		}
		if f.Caption != "" {
			row.Caption = strings.TrimSpace(row.Caption + " " + f.Caption)
		}
	}
	if len(row.parts) == 0 {
		return row
	}
	row.Title, row.Alt = strings.Join(titles, "; "), strings.Join(alts, " ")
	for i, f := range row.parts {
		if i > 0 {
			row.width += gap
		}
		row.width += f.width
		row.height = max(row.height, f.height)
	}
	row.paint = func(p pen) {
		x := 0.0
		for _, f := range row.parts {
			f.paint(p.inset(x, (row.height-f.height)/2, f.width, f.height))
			x += f.width + gap
		}
	}
	return row
}
