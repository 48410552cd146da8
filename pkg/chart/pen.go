package chart

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// pen draws on a gonum canvas in CSS pixels, with the origin in the top left corner as in SVG. One CSS pixel is one of
// gonum's points.
type pen struct {
	c     vgdraw.Canvas
	scale float64 // pixels of the raster image per CSS pixel; 0 for SVG
}

// Alignment of a text relative to its point.
const (
	left   = text.XLeft
	centre = text.XCenter
	right  = text.XRight
)

func (p pen) at(x, y float64) vg.Point {
	return vg.Point{X: p.c.Min.X + vg.Length(x), Y: p.c.Max.Y - vg.Length(y)}
}

// inset returns a pen for the rectangle with its top left corner at x, y.
func (p pen) inset(x, y, w, h float64) pen {
	min := p.at(x, y+h)
	p.c.Rectangle = vg.Rectangle{Min: min, Max: vg.Point{X: min.X + vg.Length(w), Y: min.Y + vg.Length(h)}}
	return p
}

// rect fills a rectangle with its top left corner at x, y.
func (p pen) rect(x, y, w, h float64, fill color.Color) {
	p.c.FillPolygon(fill, []vg.Point{p.at(x, y), p.at(x+w, y), p.at(x+w, y+h), p.at(x, y+h)})
}

// outline draws a thin line around the rectangle with its top left corner at x, y.
func (p pen) outline(stroke color.Color, x, y, w, h float64) {
	p.polyline(stroke, 1, x, y, x+w, y, x+w, y+h, x, y+h, x, y)
}

// dot fills a circle of radius r around x, y.
func (p pen) dot(x, y, r float64, c color.Color) {
	p.c.DrawGlyphNoClip(vgdraw.GlyphStyle{Color: c, Radius: vg.Length(r), Shape: vgdraw.CircleGlyph{}}, p.at(x, y))
}

// polyline draws a line through the points (xy[0], xy[1]), (xy[2], xy[3]), …
func (p pen) polyline(stroke color.Color, width float64, xy ...float64) {
	var pts []vg.Point
	for i := 0; i+1 < len(xy); i += 2 {
		pts = append(pts, p.at(xy[i], xy[i+1]))
	}
	p.c.StrokeLines(vgdraw.LineStyle{Color: stroke, Width: vg.Length(width)}, pts)
}

// text writes s, vertically centred on y.
func (p pen) text(x, y float64, s string, sty text.Style, align text.XAlignment) {
	if s == "" {
		return
	}
	// Half the height of a capital letter, which looks centred.
	pt := p.at(x+float64(align)*width(s, sty), y+0.36*float64(sty.Font.Size))
	p.c.FillText(sty, pt, clean(s))
}

// rotatedText writes s rotated anticlockwise around its point, by an angle in radians.
func (p pen) rotatedText(x, y float64, s string, sty text.Style, angle float64, align text.XAlignment) {
	sty.XAlign, sty.YAlign, sty.Rotation = align, text.YCenter, angle
	p.c.FillText(sty, p.at(x, y), clean(s))
}

// title writes a figure's title, shortened to fit a figure of width w.
func (p pen) title(s string, w float64) {
	sty := textStyle(titleSize, true, Ink)
	p.text(margin, margin+8, fit(s, sty, w-2*margin), sty, left)
}

// card draws the light background with rounded corners.
func (p pen) card() {
	const r = 8
	w, h := float64(p.c.Size().X), float64(p.c.Size().Y)
	min, max := p.at(0.5, h-0.5), p.at(w-0.5, 0.5)
	var path vg.Path
	path.Move(vg.Point{X: min.X + r, Y: min.Y})
	path.Line(vg.Point{X: max.X - r, Y: min.Y})
	path.Arc(vg.Point{X: max.X - r, Y: min.Y + r}, r, -math.Pi/2, math.Pi/2)
	path.Line(vg.Point{X: max.X, Y: max.Y - r})
	path.Arc(vg.Point{X: max.X - r, Y: max.Y - r}, r, 0, math.Pi/2)
	path.Line(vg.Point{X: min.X + r, Y: max.Y})
	path.Arc(vg.Point{X: min.X + r, Y: max.Y - r}, r, math.Pi/2, math.Pi/2)
	path.Line(vg.Point{X: min.X, Y: min.Y + r})
	path.Arc(vg.Point{X: min.X + r, Y: min.Y + r}, r, math.Pi, math.Pi/2)
	path.Close()
	p.c.SetColor(card)
	p.c.Fill(path)
	p.c.SetLineStyle(vgdraw.LineStyle{Color: border, Width: 1})
	p.c.Stroke(path)
}

// image draws img with each of its pixels as a sharp square. An SVG file contains img unchanged and tells the browser
// how to scale it; for a raster image it is scaled here.
func (p pen) image(img image.Image, x, y, w, h float64) {
	if p.scale > 0 {
		big := image.NewRGBA(image.Rect(0, 0, int(math.Round(w*p.scale)), int(math.Round(h*p.scale))))
		draw.NearestNeighbor.Scale(big, big.Bounds(), img, img.Bounds(), draw.Src, nil)
		img = big
	}
	p.c.DrawImage(vg.Rectangle{Min: p.at(x, y+h), Max: p.at(x+w, y)}, img)
}
