package chart

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// Colours of the data, after Okabe and Ito (2008): distinguishable with every common kind of colour vision.
var (
	Blue       color.Color = color.NRGBA{0x00, 0x72, 0xb2, 0xff} // the training set; correct predictions
	Vermillion color.Color = color.NRGBA{0xd5, 0x5e, 0x00, 0xff} // the development set; highlights and mistakes
	Green      color.Color = color.NRGBA{0x00, 0x9e, 0x73, 0xff}
	Purple     color.Color = color.NRGBA{0xb0, 0x4f, 0x8a, 0xff} // darker than the original, for contrast on white
	Orange     color.Color = color.NRGBA{0xe6, 0x9f, 0x00, 0xff}
	Sky        color.Color = color.NRGBA{0x56, 0xb4, 0xe9, 0xff}
)

// palette holds the default colours of the series of a chart, in this order.
var palette = []color.Color{Blue, Vermillion, Green, Purple, Orange, Sky}

// Colours of everything else.
var (
	Ink    = color.NRGBA{0x1f, 0x29, 0x33, 0xff} // titles and values
	Muted  = color.NRGBA{0x52, 0x5d, 0x68, 0xff} // axis labels and ticks: contrast 6.5 to 1 on the card
	line   = color.NRGBA{0xb4, 0xbc, 0xc4, 0xff} // the axis
	grid   = color.NRGBA{0xe6, 0xe9, 0xed, 0xff}
	card   = color.NRGBA{0xfd, 0xfd, 0xfe, 0xff}
	border = color.NRGBA{0xd5, 0xda, 0xe0, 0xff}
)

// Sizes in CSS pixels. A chart of the default width is readable on a phone, and two fit side by side on a desktop.
const (
	defaultWidth  = 520
	defaultHeight = 340
	margin        = 16
	titleSize     = 16
	textSize      = 13
)

// fontFamily is set at the root of each SVG. Text is measured in Liberation Sans, which has the widths of Arial and
// Helvetica; the other fonts are for Chinese.
const fontFamily = `'Liberation Sans',Arial,Helvetica,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif`

// textStyle returns the style of a text of the given size in CSS pixels.
func textStyle(size float64, bold bool, c color.Color) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler}
}

// withOpacity returns the colour c with opacity a, from 0 to 1.
func withOpacity(c color.Color, a float64) color.Color {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	n.A = uint8(math.Round(255 * a))
	return n
}

// Tint returns the opaque colour of c painted with opacity t over the card.
func Tint(c color.Color, t float64) color.Color {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	part := func(from, to uint8) uint8 { return uint8(math.Round(float64(from) + t*(float64(to)-float64(from)))) }
	return color.NRGBA{part(card.R, n.R), part(card.G, n.G), part(card.B, n.B), 0xff}
}

// Count formats n with thousands separators: 18,750.
func Count(n int) string { return number(float64(n), 0) }

// number formats v with the given number of decimals and with thousands separators: 18,750 or 0.7258.
func number(v float64, digits int) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', digits, 64)
	whole, rest := s, ""
	if dot := strings.IndexByte(s, '.'); dot >= 0 {
		whole, rest = s[:dot], s[dot:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if v < 0 && strings.ContainsAny(whole+rest, "123456789") {
		whole = "−" + whole
	}
	return whole + rest
}

// digits returns the number of decimals for a list of values: 0 for integers, otherwise as many as give the largest
// value four significant digits, at most 4.
func digits(vs ...float64) int {
	largest, integers := 0.0, true
	for _, v := range vs {
		largest = max(largest, math.Abs(v))
		integers = integers && v == math.Trunc(v)
	}
	if integers {
		return 0
	}
	return min(max(3-exponent(largest), 0), 4)
}

// luminance returns the relative luminance of an opaque colour as WCAG defines it, from 0 (black) to 1 (white).
func luminance(c color.Color) float64 {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	lin := func(v uint8) float64 {
		if f := float64(v) / 255; f > 0.04045 {
			return math.Pow((f+0.055)/1.055, 2.4)
		} else {
			return f / 12.92
		}
	}
	return 0.2126*lin(n.R) + 0.7152*lin(n.G) + 0.0722*lin(n.B)
}

// textColorOn returns the text colour, dark or light, with the higher contrast on c.
func textColorOn(c color.Color) color.Color {
	l := luminance(c)
	if (luminance(card)+0.05)/(l+0.05) > (l+0.05)/(luminance(Ink)+0.05) {
		return card
	}
	return Ink
}
