package chart

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is a finished picture. The constructors of this package make it; its zero value is an empty picture.
type Figure struct {
	// Title names the figure for whoever does not see it: the title of the SVG file.
	Title string

	// Alt says in words what the picture shows: read by a screen reader, and shown where pictures are not. The
	// constructors write one from the data.
	Alt string

	// Caption, if there is one, stands below the figure in the notebook. It tells the reader what to see.
	Caption string

	width, height float64 // in CSS pixels
	paint         func(p pen)
	parts         []*Figure // the figures of a row
}

// Captioned sets the caption and gives the figure back, so that a notebook needs one line:
//
//	must.M1(chart.Confusion(counts, names)).Captioned("Cats pass for dogs.").Show()
func (f *Figure) Captioned(caption string) *Figure {
	f.Caption = caption
	return f
}

// Size gives the natural width and height in CSS pixels. In a narrower window the figure shrinks.
func (f *Figure) Size() (width, height float64) { return f.width, f.height }

// SVG gives the figure as an SVG file. The same figure gives the same bytes each time.
func (f *Figure) SVG() []byte {
	if f.paint == nil {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>`)
	}
	c := vgsvg.New(vg.Length(f.width), vg.Length(f.height))
	f.paint(pen{c: draw.New(c)})
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		panic("chart: writing to memory: " + err.Error()) // a bytes.Buffer does not fail
	}
	return f.tidy(buf.Bytes())
}

var (
	svgHeader = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)
	svgFont   = regexp.MustCompile(`font-family:[^;]*;font-variant:[^;]*;(font-weight:bold;|font-weight:[^;]*;)font-style:[^;]*;`)
)

// tidy adds to gonum's SVG file what it lacks: a title and a description, a width that gives way, one font family with
// fall-backs in place of one per text, sharp pixels in images.
func (f *Figure) tidy(svg []byte) []byte {
	title := html.EscapeString(clean(f.Title))
	desc := html.EscapeString(clean(f.description()))
	header := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" `+
		`viewBox="0 0 %g %g" width="%g" height="%g" style="max-width:100%%;height:auto" `+
		`font-family="%s" role="img" aria-label="%s">`+"\n<title>%s</title>\n<desc>%s</desc>",
		f.width, f.height, f.width, f.height, fontFamily, desc, title, desc)
	loc := svgHeader.FindIndex(svg)
	body := svgFont.ReplaceAllFunc(svg[loc[1]:], func(s []byte) []byte {
		if bytes.Contains(s, []byte("font-weight:bold")) {
			return []byte("font-weight:bold;")
		}
		return nil
	})
	body = bytes.ReplaceAll(body, []byte(`<image `), []byte(`<image style="image-rendering:pixelated" `))
	body = bytes.ReplaceAll(body, []byte(`data:image/jpg;`), []byte(`data:image/png;`)) // PNG is what gonum writes there
	return append([]byte(header), body...)
}

// description is Alt, or the title where there is no Alt.
func (f *Figure) description() string {
	if f.Alt != "" {
		return f.Alt
	}
	return f.Title
}

// sharpness is the number of pixels in a saved PNG file to one CSS pixel: enough for a high-density display.
const sharpness = 2

// Image gives the figure as a raster image of twice its natural size.
func (f *Figure) Image() image.Image { return f.raster(sharpness) }

// raster draws the figure with a number of pixels to one CSS pixel.
func (f *Figure) raster(scale int) image.Image {
	if f.paint == nil {
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	}
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(f.width), vg.Length(f.height)),
		vgimg.UseDPI(72*scale), vgimg.UseBackgroundColor(color.Transparent))
	f.paint(pen{c: draw.New(c), raster: float64(scale)})
	return c.Image()
}

// PNG gives the figure as a PNG file of twice its natural size.
func (f *Figure) PNG() []byte { return encode(f.Image()) }

func encode(img image.Image) []byte {
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		panic("chart: writing to memory: " + err.Error()) // a bytes.Buffer does not fail
	}
	return buf.Bytes()
}

// Save writes the figure to a file; the ending of its name, .svg or .png, says how.
func (f *Figure) Save(path string) error {
	var data []byte
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".svg":
		data = f.SVG()
	case ".png":
		data = f.PNG()
	default:
		return fmt.Errorf("chart: save %s: a figure is saved as .svg or .png, not as %q", path, ext)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("chart: save figure: %w", err)
	}
	return nil
}
