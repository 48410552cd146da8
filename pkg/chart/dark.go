package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"regexp"
	"strings"

	"github.com/lucasb-eyer/go-colorful"
)

// svgColor matches a colour in an SVG file by gonum: fill:#1F2933 or stroke:#1F2933.
var svgColor = regexp.MustCompile(`(fill|stroke):(#[0-9A-Fa-f]{6})`)

// darkOverrides are the colours of series whose inverted lightness would be too dull on a dark card.
var darkOverrides = map[color.Color]string{
	Vermillion: "#f58a42", Green: "#35bf94", Purple: "#d98cbc", Orange: "#f0b73c", Sky: "#a5dcff",
}

// darkStyle returns a style sheet that gives each colour of an SVG file its counterpart on dark pages. It follows the
// page's colour scheme, or the reader's, and readers that do not know the rule show the light card. Pictures keep their
// colours, and paper is always light.
func darkStyle(svg []byte) string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, m := range svgColor.FindAllSubmatch(svg, -1) {
		rule := string(m[0])
		if !seen[rule] {
			seen[rule] = true
			fmt.Fprintf(&b, "[style*=\"%s\"]{%s:%s!important}\n", rule, m[1], darkened(string(m[2])))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "<style>@media screen and (prefers-color-scheme:dark){\n" + b.String() + "}</style>\n"
}

// darkened returns the counterpart of a colour on a dark card: of the same hue, with its lightness inverted, so that
// contrasts stay and a scale from the card's colour to a strong one remains such a scale.
func darkened(light string) string {
	for c, dark := range darkOverrides {
		if n, _ := colorful.MakeColor(c); n.Hex() == strings.ToLower(light) {
			return dark
		}
	}
	c, err := colorful.Hex(light)
	if err != nil {
		return light // svgColor matches only valid colours
	}
	const cardLight, inkLight, cardDark, inkDark = 0.993, 0.277, 0.25, 0.93 // lightness in OKLCH
	l, chroma, hue := c.OkLch()
	l = cardDark + (cardLight-l)*(inkDark-cardDark)/(cardLight-inkLight)
	return colorful.OkLch(min(max(l, 0), 1), chroma, hue).Clamped().Hex()
}

// addDark puts the style sheet for dark pages after the opening tag of an SVG file.
func addDark(header string, body []byte) []byte {
	return bytes.Join([][]byte{[]byte(header), []byte(darkStyle(body)), body}, nil)
}
