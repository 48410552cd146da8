package chart

import (
	"image"
	"image/color"
	"math"
	"sort"
	"strings"

	"golang.org/x/image/draw"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// pen draws on a gonum canvas in CSS pixels, with the origin in the top left corner as in an SVG file. One CSS pixel is
// one of gonum's points.
type pen struct {
	c      vgdraw.Canvas
	raster float64 // pixels of the raster image to one CSS pixel; 0 when the canvas is an SVG file
}

// Where a text stands relative to its point.
const (
	left   = text.XLeft
	centre = text.XCenter
	right  = text.XRight
)

func (p pen) at(x, y float64) vg.Point {
	return vg.Point{X: p.c.Min.X + vg.Length(x), Y: p.c.Max.Y - vg.Length(y)}
}

// part gives a pen for the rectangle with its corner at x, y.
func (p pen) part(x, y, w, h float64) pen {
	min := p.at(x, y+h)
	p.c.Rectangle = vg.Rectangle{Min: min, Max: vg.Point{X: min.X + vg.Length(w), Y: min.Y + vg.Length(h)}}
	return p
}

func (p pen) rect(x, y, w, h float64, fill color.Color) {
	p.c.FillPolygon(fill, []vg.Point{p.at(x, y), p.at(x+w, y), p.at(x+w, y+h), p.at(x, y+h)})
}

// lines draws a line through the points xy[0], xy[1]; xy[2], xy[3]; …
func (p pen) lines(stroke color.Color, width float64, xy ...float64) {
	var pts []vg.Point
	for i := 0; i+1 < len(xy); i += 2 {
		pts = append(pts, p.at(xy[i], xy[i+1]))
	}
	p.c.StrokeLines(vgdraw.LineStyle{Color: stroke, Width: vg.Length(width)}, pts)
}

// text writes s with the middle of its line at y. Runes that XML does not allow become spaces.
func (p pen) text(x, y float64, s string, sty text.Style, align text.XAlignment) {
	if s == "" {
		return
	}
	// The middle of the capitals, which is what the eye takes for the middle of a line of text.
	pt := p.at(x+float64(align)*width(s, sty), y+0.36*float64(sty.Font.Size))
	p.c.FillText(sty, pt, clean(s))
}

// card draws the light background with round corners.
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

// image draws img, each of its pixels as a sharp square. An SVG file keeps the image as it is and tells the browser
// to scale it so; a raster image gets it scaled here.
func (p pen) image(img image.Image, x, y, w, h float64) {
	if p.raster > 0 {
		big := image.NewRGBA(image.Rect(0, 0, int(math.Round(w*p.raster)), int(math.Round(h*p.raster))))
		draw.NearestNeighbor.Scale(big, big.Bounds(), img, img.Bounds(), draw.Src, nil)
		img = big
	}
	p.c.DrawImage(vg.Rectangle{Min: p.at(x, y+h), Max: p.at(x+w, y)}, img)
}

// clean replaces what an XML file cannot hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// width measures s. Liberation Sans has no Chinese; whatever font shows it makes each character a square.
func width(s string, sty text.Style) float64 {
	squares := 0
	narrow := strings.Map(func(r rune) rune {
		if r >= 0x2e80 && r <= 0x9fff || r >= 0xff00 && r <= 0xff60 {
			squares++
			return -1
		}
		return r
	}, clean(s))
	return float64(sty.Width(narrow)) + float64(squares)*float64(sty.Font.Size)
}

// fit shortens s with an ellipsis until it is no wider than max.
func fit(s string, sty text.Style, max float64) string {
	if width(s, sty) <= max {
		return s
	}
	runes := []rune(s)
	n := sort.Search(len(runes), func(n int) bool { return width(string(runes[:n])+"…", sty) > max })
	return string(runes[:n-min(n, 1)]) + "…"
}

// wrap breaks s into lines at its newlines and, where a line is wider than max, at its spaces.
func wrap(s string, sty text.Style, max float64) []string {
	var lines []string
	for part := range strings.SplitSeq(s, "\n") {
		line := ""
		for i, word := range strings.Fields(part) {
			if i > 0 && width(line+" "+word, sty) > max {
				lines, line = append(lines, line), ""
			}
			line = strings.TrimLeft(line+" "+word, " ")
		}
		lines = append(lines, line)
	}
	return lines
}

// turned writes s turned anticlockwise by an angle around its point.
func (p pen) turned(x, y float64, s string, sty text.Style, angle float64, align text.XAlignment) {
	sty.XAlign, sty.YAlign, sty.Rotation = align, text.YCenter, angle
	p.c.FillText(sty, p.at(x, y), clean(s))
}
