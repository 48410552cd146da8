package chart

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Sketch is a drawing that is not a chart, for example of the layers of a network, on the card and with the colours and
// fonts of the charts.
type Sketch struct {
	Title, Alt    string
	Width, Height float64 // in CSS pixels
	Paint         func(p Pen)
}

// Figure returns the sketch as a figure.
func (s Sketch) Figure() *Figure {
	return &Figure{
		Title: s.Title, Alt: s.Alt, width: s.Width, height: s.Height,
		paint: func(p pen) {
			p.card()
			p.title(s.Title, s.Width)
			s.Paint(Pen{p})
		},
	}
}

// Pen draws a sketch in CSS pixels, with the origin in the top left corner. The title takes the first 40 pixels.
type Pen struct{ p pen }

// Text is a style of text. The zero value is a plain line of the default size that starts at its point.
type Text struct {
	Size   float64     // 0 means the size of a chart's labels
	Bold   bool        //
	Color  color.Color // nil means Ink
	Anchor Anchor      //
}

// Anchor is the part of a text that is at its point.
type Anchor int

// The anchors of a text.
const (
	Start Anchor = iota
	Middle
	End
)

// Text writes one line, vertically centred on y, and returns its width.
func (p Pen) Text(x, y float64, s string, t Text) float64 {
	if t.Size == 0 {
		t.Size = textSize
	}
	if t.Color == nil {
		t.Color = Ink
	}
	sty := textStyle(t.Size, t.Bold, t.Color)
	p.p.text(x-float64(t.Anchor)/2*width(s, sty), y, s, sty, left)
	return width(s, sty)
}

// Polygon fills a polygon and draws its outline. Either colour may be nil.
func (p Pen) Polygon(fill, stroke color.Color, xy ...float64) {
	var pts []vg.Point
	for i := 0; i+1 < len(xy); i += 2 {
		pts = append(pts, p.p.at(xy[i], xy[i+1]))
	}
	if fill != nil {
		p.p.c.FillPolygon(fill, pts)
	}
	if stroke != nil {
		p.p.c.StrokeLines(vgdraw.LineStyle{Color: stroke, Width: 1}, append(pts, pts[0]))
	}
}

// Box draws a rectangle with its top left corner at x, y. Either colour may be nil.
func (p Pen) Box(x, y, w, h float64, fill, stroke color.Color) {
	p.Polygon(fill, stroke, x, y, x+w, y, x+w, y+h, x, y+h)
}

// Line draws a line through the points (xy[0], xy[1]), (xy[2], xy[3]), …
func (p Pen) Line(c color.Color, width float64, xy ...float64) { p.p.polyline(c, width, xy...) }

// Arrow is Line with a head at its end.
func (p Pen) Arrow(c color.Color, width float64, xy ...float64) {
	const head = 7
	n := len(xy)
	x, y := xy[n-2], xy[n-1]
	angle := math.Atan2(y-xy[n-3], x-xy[n-4])
	bx, by := x-head*math.Cos(angle), y-head*math.Sin(angle)
	sx, sy := 0.5*head*math.Sin(angle), 0.5*head*math.Cos(angle)
	p.Line(c, width, append(xy[:n-2:n-2], bx, by)...)
	p.Polygon(c, nil, x, y, bx+sx, by-sy, bx-sx, by+sy)
}

// Dot fills a circle of radius r around x, y.
func (p Pen) Dot(x, y, r float64, c color.Color) { p.p.dot(x, y, r, c) }

// Image draws an image with sharp pixels, its top left corner at x, y.
func (p Pen) Image(img image.Image, x, y, w, h float64) { p.p.image(img, x, y, w, h) }
