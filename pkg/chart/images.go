package chart

import (
	"errors"
	"fmt"
	"image"
	"strings"

	"gonum.org/v1/plot/text"
)

// Mark says whether a prediction was right.
type Mark int

const (
	Unmarked Mark = iota
	Correct       // a blue tick beside the caption
	Wrong         // an orange cross beside the caption
)

// Grid is a table of small images with a caption below each.
type Grid struct {
	Images   []image.Image
	Captions []string // one each, or none; \n begins a new line
	Marks    []Mark   // one each, or none
	Cols     int      // images in a row; 0 means as many as there are, five at most
	Scale    int      // screen pixels for each pixel of an image; 0 means 3
	Title    string
}

// Images draws a grid of images with captions; see [Grid] for a title and for marks of right and wrong. The pixels stay
// sharp squares: a CIFAR image has 32 by 32 of them, and one should see that.
func Images(images []image.Image, captions []string, cols, scale int) (*Figure, error) {
	return Grid{Images: images, Captions: captions, Cols: cols, Scale: scale}.Figure()
}

// Figure draws the grid.
func (g Grid) Figure() (*Figure, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	cols, scale := g.Cols, float64(g.Scale)
	if cols <= 0 {
		cols = 5
	}
	cols = min(cols, len(g.Images))
	if scale <= 0 {
		scale = 3
	}
	var wide, high float64
	for _, img := range g.Images {
		wide, high = max(wide, scale*float64(img.Bounds().Dx())), max(high, scale*float64(img.Bounds().Dy()))
	}
	rows := (len(g.Images) + cols - 1) / cols
	const gap = 14
	textW, lines := g.textSize()
	cellW, cellH := max(wide, 48, min(textW, wide+60)), high
	if lines > 0 {
		cellH += 6 + lineHeight*float64(lines)
	}
	top := float64(margin)
	if g.Title != "" {
		top += 28
	}
	f := &Figure{
		Title:  g.Title,
		width:  2*margin + float64(cols)*(cellW+gap) - gap,
		height: top + float64(rows)*(cellH+gap) - gap + margin,
		Alt:    g.alt(),
	}
	if g.Title != "" {
		f.width = max(f.width, 2*margin+width(g.Title, style(titleSize, true, ink)))
	}
	if f.width > 8000 || f.height > 8000 {
		return nil, fmt.Errorf("chart: images: a grid of %g by %g pixels: want at most 8000 each way: fewer images or a smaller scale", f.width, f.height)
	}
	f.paint = func(p pen) {
		p.card()
		if g.Title != "" {
			p.text(margin, margin+8, g.Title, style(titleSize, true, ink), left)
		}
		for i, img := range g.Images {
			x := margin + float64(i%cols)*(cellW+gap)
			y := top + float64(i/cols)*(cellH+gap)
			w, h := scale*float64(img.Bounds().Dx()), scale*float64(img.Bounds().Dy())
			p.image(img, x+(cellW-w)/2, y+(high-h)/2, w, h)
			g.caption(p, i, x+cellW/2, y+high+14, cellW+gap-4)
		}
	}
	return f, nil
}

func (g Grid) check() error {
	if len(g.Images) == 0 {
		return errors.New("chart: images: there are none: want at least one")
	}
	if len(g.Captions) != 0 && len(g.Captions) != len(g.Images) {
		return fmt.Errorf("chart: images: %d captions for %d images: want as many, or none", len(g.Captions), len(g.Images))
	}
	if len(g.Marks) != 0 && len(g.Marks) != len(g.Images) {
		return fmt.Errorf("chart: images: %d marks for %d images: want as many, or none", len(g.Marks), len(g.Images))
	}
	for i, img := range g.Images {
		if img == nil {
			return fmt.Errorf("chart: images: image %d is nil", i)
		}
		if img.Bounds().Empty() {
			return fmt.Errorf("chart: images: image %d has no pixels: its bounds are %v", i, img.Bounds())
		}
	}
	return nil
}

const (
	lineHeight = 18
	markWidth  = 16
)

// textStyle gives the style of caption i and the room that its mark takes.
func (g Grid) textStyle(i int) (sty text.Style, lead float64) {
	if len(g.Marks) == 0 || g.Marks[i] == Unmarked {
		return style(textSize, false, ink), 0
	}
	if g.Marks[i] == Wrong {
		return style(textSize, true, Vermillion), markWidth
	}
	return style(textSize, true, Blue), markWidth
}

// textSize gives the width of the widest caption and the number of lines of the longest.
func (g Grid) textSize() (wide float64, lines int) {
	if len(g.Marks) > 0 {
		wide, lines = markWidth, 1
	}
	for i, c := range g.Captions {
		sty, lead := g.textStyle(i)
		parts := strings.Split(c, "\n")
		lines = max(lines, len(parts))
		for _, l := range parts {
			wide = max(wide, lead+width(l, sty))
		}
	}
	return wide, lines
}

// caption writes the text of image i, its mark before the first line, no wider than max.
func (g Grid) caption(p pen, i int, x, y, max float64) {
	sty, lead := g.textStyle(i)
	caption := ""
	if len(g.Captions) > 0 {
		caption = g.Captions[i]
	}
	for n, l := range strings.Split(caption, "\n") {
		l = fit(l, sty, max-lead)
		from := x - (width(l, sty)+lead)/2
		if n == 0 && lead > 0 && g.Marks[i] == Wrong {
			p.lines(sty.Color, 2, from+1, y-4, from+10, y+5)
			p.lines(sty.Color, 2, from+1, y+5, from+10, y-4)
		} else if n == 0 && lead > 0 {
			p.lines(sty.Color, 2, from, y+1, from+4, y+5, from+11, y-4)
		}
		p.text(from+lead, y, l, sty, left)
		y, lead = y+lineHeight, 0
	}
}

// alt lists the captions.
func (g Grid) alt() string {
	all := fmt.Sprintf("%d images", len(g.Images))
	if len(g.Images) == 1 {
		all = "An image"
	}
	if g.Title != "" {
		all = g.Title + ": " + all
	}
	for i, c := range g.Captions {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		all += sep + strings.ReplaceAll(c, "\n", " ")
		if len(g.Marks) > 0 && g.Marks[i] == Wrong {
			all += " (wrong)"
		}
	}
	return all + "."
}
