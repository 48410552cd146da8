package chart

import (
	"errors"
	"fmt"
	"image"
	"slices"
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
	Cols     int      // images in a row; 0 means 5
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
	g.Images, g.Captions, g.Marks = slices.Clone(g.Images), slices.Clone(g.Captions), slices.Clone(g.Marks)
	if g.Cols <= 0 {
		g.Cols = 5
	}
	g.Cols = min(g.Cols, len(g.Images))
	if g.Scale <= 0 {
		g.Scale = 3
	}
	cells, w, h := g.layout()
	if w > 8000 || h > 8000 {
		return nil, fmt.Errorf("chart: images: a grid of %g by %g pixels: want at most 8000 each way: fewer images or a smaller scale", w, h)
	}
	return &Figure{
		Title: g.Title, Alt: g.alt(), width: w, height: h,
		paint: func(p pen) {
			p.card()
			sty := style(titleSize, true, ink)
			p.text(margin, margin+8, fit(g.Title, sty, w-2*margin), sty, left)
			for i, c := range cells {
				p.image(g.Images[i], c.x, c.y, c.w, c.h)
				g.caption(p, i, c)
			}
		},
	}, nil
}

// cell is the place of an image and of its caption.
type cell struct {
	x, y, w, h float64 // the image
	middle     float64 // of the caption, and
	below      float64 // the height of its first line
	room       float64 // and its widest line
	lines      []string
}

const (
	imageGap   = 14
	lineHeight = 18
	markWidth  = 16
)

// layout gives each image its place, and the size of the whole grid. All columns are as wide as the widest image or
// caption; each row is as high as it needs to be.
func (g Grid) layout() (cells []cell, width, height float64) {
	var wide, high float64
	for _, img := range g.Images {
		wide = max(wide, float64(g.Scale*img.Bounds().Dx()))
		high = max(high, float64(g.Scale*img.Bounds().Dy()))
	}
	captions, textW := g.wrapped(max(wide, 80))
	colW := max(wide, 48, min(textW, wide+60))
	y := float64(margin)
	if g.Title != "" {
		y += 28
	}
	for from := 0; from < len(g.Images); from += g.Cols {
		lines := 0
		for i := from; i < min(from+g.Cols, len(g.Images)); i++ {
			c := cell{lines: captions[i], below: y + high + 14, room: colW + imageGap - 4}
			c.w, c.h = float64(g.Scale*g.Images[i].Bounds().Dx()), float64(g.Scale*g.Images[i].Bounds().Dy())
			x := margin + float64(i-from)*(colW+imageGap)
			c.middle = x + colW/2
			c.x, c.y = x+(colW-c.w)/2, y+(high-c.h)/2
			cells, lines = append(cells, c), max(lines, len(c.lines))
		}
		y += high + imageGap
		if lines > 0 {
			y += 6 + lineHeight*float64(lines)
		}
	}
	return cells, 2*margin + float64(g.Cols)*(colW+imageGap) - imageGap, y - imageGap + margin
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

// wrapped breaks the captions into lines of about the given width, and gives the width that they take.
func (g Grid) wrapped(room float64) (captions [][]string, wide float64) {
	captions = make([][]string, len(g.Images))
	for i := range captions {
		if len(g.Captions) == 0 && (len(g.Marks) == 0 || g.Marks[i] == Unmarked) {
			continue
		}
		sty, lead := g.textStyle(i)
		captions[i] = []string{""}
		if len(g.Captions) > 0 {
			captions[i] = wrap(g.Captions[i], sty, room-lead)
		}
		for _, l := range captions[i] {
			wide = max(wide, lead+width(l, sty))
		}
	}
	return captions, wide
}

// caption writes the lines below image i, its mark before the first.
func (g Grid) caption(p pen, i int, c cell) {
	sty, lead := g.textStyle(i)
	for n, l := range c.lines {
		y := c.below + lineHeight*float64(n)
		l = fit(l, sty, c.room-lead)
		x := c.middle - (width(l, sty)+lead)/2
		if n == 0 && lead > 0 && g.Marks[i] == Wrong {
			p.lines(sty.Color, 2, x+1, y-4, x+10, y+5)
			p.lines(sty.Color, 2, x+1, y+5, x+10, y-4)
		} else if n == 0 && lead > 0 {
			p.lines(sty.Color, 2, x, y+1, x+4, y+5, x+11, y-4)
		}
		p.text(x+lead, y, l, sty, left)
		lead = 0
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
