package chart

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"path/filepath"
	"regexp"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"nndl.example/resnet18/pkg/internal/atomicfile"
)

// Figure is a finished drawing, made by the constructors of this package. The zero value is an empty drawing.
type Figure struct {
	// Title is the title of the SVG file.
	Title string

	// Alt is the text alternative for screen readers and for viewers without images. The constructors write one from
	// the data.
	Alt string

	// Caption is shown below the figure in a notebook, if it is not empty. SVG and PNG files do not contain it.
	Caption string

	width, height float64 // in CSS pixels
	paint         func(p pen)
	parts         []*Figure // of a row
}

// SVG returns the figure as an SVG file. Equal figures give equal bytes.
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
	return f.finishSVG(buf.Bytes())
}

var (
	svgHeader = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)
	svgFont   = regexp.MustCompile(`font-family:[^;]*;font-variant:[^;]*;(font-weight:bold;|font-weight:[^;]*;)font-style:[^;]*;`)
)

// finishSVG adds what gonum's SVG lacks: a title and a description, a width that adapts to the page, one font family
// with fallbacks instead of one for each text, sharp pixels in images, and colours for dark pages.
func (f *Figure) finishSVG(svg []byte) []byte {
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
	body = bytes.ReplaceAll(body, []byte(`data:image/jpg;`), []byte(`data:image/png;`)) // gonum writes PNG, mislabelled
	return addDark(header+"\n", body)
}

// description returns Alt, or the title if Alt is empty.
func (f *Figure) description() string {
	if f.Alt != "" {
		return f.Alt
	}
	return f.Title
}

// pngScale is the number of pixels per CSS pixel in a saved PNG file: enough for a high-density display.
const pngScale = 2

// rasterize draws the figure with scale pixels per CSS pixel.
func (f *Figure) rasterize(scale int) image.Image {
	if f.paint == nil {
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	}
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(f.width), vg.Length(f.height)),
		vgimg.UseDPI(72*scale), vgimg.UseBackgroundColor(color.Transparent))
	f.paint(pen{c: draw.New(c), scale: float64(scale)})
	return c.Image()
}

// PNG returns the figure as a PNG file of twice its natural size.
func (f *Figure) PNG() []byte { return encodePNG(f.rasterize(pngScale)) }

func encodePNG(img image.Image) []byte {
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		panic("chart: writing to memory: " + err.Error()) // a bytes.Buffer does not fail
	}
	return buf.Bytes()
}

// Save writes the figure to a file as SVG or PNG, according to the file's extension.
func (f *Figure) Save(path string) error {
	var data []byte
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".svg":
		data = f.SVG()
	case ".png":
		data = f.PNG()
	default:
		return fmt.Errorf("chart: save %s: unsupported extension %q, want .svg or .png", path, ext)
	}
	if err := atomicfile.WriteBytes(path, data); err != nil {
		return fmt.Errorf("chart: save figure: %w", err)
	}
	return nil
}
