package chart

import (
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
)

// Grid describes a grid of small images, each with a caption below it.
type Grid struct {
	Images   []image.Image
	Captions []string // one per image, or none; \n starts a new line
	Cols     int      // images per row; 0 means 5
	Scale    int      // CSS pixels per pixel of an image; 0 means 3
	Title    string
	Framed   bool       // a thin line around each image, for images as light or as dark as the card
	Heat     *HeatRange // a colour scale below images in the colours of heat maps; nil for none
}

// HeatRange is what the colours of heat maps stand for: black is Lo, white is Hi. See [MapImage].
type HeatRange struct{ Lo, Hi float64 }

// Images draws a grid of images with captions; see [Grid] for a title, frames and a colour scale. Pixels stay
// sharp squares, so the 32×32 pixels of a CIFAR image are visible.
func Images(images []image.Image, captions []string, cols, scale int) (*Figure, error) {
	return Grid{Images: images, Captions: captions, Cols: cols, Scale: scale}.Figure()
}

// Figure draws the grid.
func (g Grid) Figure() (*Figure, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	g.Images, g.Captions = slices.Clone(g.Images), slices.Clone(g.Captions)
	if g.Cols <= 0 {
		g.Cols = 5
	}
	g.Cols = min(g.Cols, len(g.Images))
	if g.Scale <= 0 {
		g.Scale = 3
	}
	cells, w, h := g.layout()
	if g.Heat != nil {
		w, h = max(w, g.Heat.minWidth()), h+heatScaleHeight
	}
	if w > 8000 || h > 8000 {
		return nil, fmt.Errorf("chart: images: a grid of %g by %g pixels: the maximum is 8000 by 8000; use fewer images or a smaller scale", w, h)
	}
	return &Figure{
		Title: g.Title, Alt: g.alt(), width: w, height: h,
		paint: func(p pen) {
			p.card()
			p.title(g.Title, w)
			for i, c := range cells {
				p.image(g.Images[i], c.x, c.y, c.w, c.h)
				if g.Framed {
					p.outline(Muted, c.x, c.y, c.w, c.h)
				}
				c.paintCaption(p)
			}
			if g.Heat != nil {
				g.Heat.paint(p, w, h)
			}
		},
	}, nil
}

// cell is the position of an image and its caption.
type cell struct {
	x, y, w, h float64  // the image
	lines      []string // of the caption
	centerX    float64  // of the caption
	firstY     float64  // the middle of the caption's first line
	maxWidth   float64  // of a caption's line
}

const (
	imageGap   = 14
	lineHeight = 18
)

var captionStyle = textStyle(textSize, false, Ink)

// layout returns the position of each image and the size of the whole grid. All columns are as wide as the widest image
// or caption; each row is as high as its captions need.
func (g Grid) layout() (cells []cell, width, height float64) {
	var imageW, imageH float64 // of the largest image
	for _, img := range g.Images {
		imageW = max(imageW, float64(g.Scale*img.Bounds().Dx()))
		imageH = max(imageH, float64(g.Scale*img.Bounds().Dy()))
	}
	captions, captionW := g.wrapCaptions(max(imageW, 80))
	colW := max(imageW, 48, min(captionW, imageW+60))
	y := float64(margin)
	if g.Title != "" {
		y += 28
	}
	for from := 0; from < len(g.Images); from += g.Cols {
		lines := 0
		for i := from; i < min(from+g.Cols, len(g.Images)); i++ {
			c := cell{lines: captions[i], firstY: y + imageH + 14, maxWidth: colW + imageGap - 4}
			c.w, c.h = float64(g.Scale*g.Images[i].Bounds().Dx()), float64(g.Scale*g.Images[i].Bounds().Dy())
			x := margin + float64(i-from)*(colW+imageGap)
			c.centerX = x + colW/2
			c.x, c.y = x+(colW-c.w)/2, y+(imageH-c.h)/2
			cells, lines = append(cells, c), max(lines, len(c.lines))
		}
		y += imageH + imageGap
		if lines > 0 {
			y += 6 + lineHeight*float64(lines)
		}
	}
	return cells, 2*margin + float64(g.Cols)*(colW+imageGap) - imageGap, y - imageGap + margin
}

func (g Grid) check() error {
	if len(g.Images) == 0 {
		return errors.New("chart: images: no images: at least one is needed")
	}
	if g.Heat != nil && !(g.Heat.Lo <= g.Heat.Hi && math.Abs(g.Heat.Lo) <= maxValue && math.Abs(g.Heat.Hi) <= maxValue) {
		return fmt.Errorf("chart: images: colour scale from %g to %g: must be finite, and the first not the larger", g.Heat.Lo, g.Heat.Hi)
	}
	if len(g.Captions) != 0 && len(g.Captions) != len(g.Images) {
		return fmt.Errorf("chart: images: len(Captions)=%d, len(Images)=%d: lengths must be equal, or no captions", len(g.Captions), len(g.Images))
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

// wrapCaptions breaks the captions into lines of about the given width. It returns them and the width of the widest line.
func (g Grid) wrapCaptions(maxWidth float64) (captions [][]string, widest float64) {
	captions = make([][]string, len(g.Images))
	for i, c := range g.Captions {
		captions[i] = wrap(c, captionStyle, maxWidth)
		for _, l := range captions[i] {
			widest = max(widest, width(l, captionStyle))
		}
	}
	return captions, widest
}

// paintCaption writes the lines of a caption below its image.
func (c cell) paintCaption(p pen) {
	for n, l := range c.lines {
		l = fit(l, captionStyle, c.maxWidth)
		p.text(c.centerX-width(l, captionStyle)/2, c.firstY+lineHeight*float64(n), l, captionStyle, left)
	}
}

// alt returns the text alternative: the captions.
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
	}
	if g.Heat != nil {
		low, high := g.Heat.texts()
		all += ". Colour scale: " + low + " (black), " + high + " (white)"
	}
	return all + "."
}
