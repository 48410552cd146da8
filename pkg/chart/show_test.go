package chart

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"regexp"
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/stretchr/testify/require"
)

func TestShowOutsideNotebook(t *testing.T) {
	t.Parallel()
	for name, f := range figures(t) {
		require.NoError(t, Show("caption", f), name)
	}
}

func TestMIMEBundle(t *testing.T) {
	t.Parallel()
	f := captioned("Airplanes, <mostly>.", []*Figure{figures(t)["bars"]})
	b := f.mimeBundle()
	img, err := png.Decode(bytes.NewReader(b[protocol.MIMEImagePNG].([]byte)))
	require.NoError(t, err)
	w, h := f.width, f.height
	require.Equal(t, int(w), img.Bounds().Dx(), "natural size keeps notebooks small")
	require.Equal(t, int(h), img.Bounds().Dy())
	require.Equal(t, f.Alt+"\nAirplanes, <mostly>.", b[protocol.MIMETextPlain])
	require.Equal(t, f.html(), b[protocol.MIMETextHTML])
}

var source = regexp.MustCompile(`src="data:image/svg\+xml;base64,([^"]*)"`)

func TestHTML(t *testing.T) {
	t.Parallel()
	figs := figures(t)
	for name, f := range figs {
		page := f.html()
		require.Regexp(t, `(?s)^<figure .*</figure>$`, page, name)
		require.NotContains(t, page, "<script", name)
		parts := f.parts
		if len(parts) == 0 {
			parts = []*Figure{f}
		}
		found := source.FindAllStringSubmatch(page, -1)
		require.Len(t, found, len(parts), name)
		for i, p := range parts {
			svg, err := base64.StdEncoding.DecodeString(found[i][1])
			require.NoError(t, err)
			require.Equal(t, p.SVG(), svg, name)
		}
	}
	require.NotContains(t, figs["bars"].html(), "<figcaption")
	page := captioned(`a < b & "c"`, []*Figure{figs["bars"]}).html()
	require.Contains(t, page, `>a &lt; b &amp; &#34;c&#34;</figcaption>`)
	dec := xml.NewDecoder(bytes.NewReader([]byte(page)))
	dec.AutoClose, dec.Strict = xml.HTMLAutoClose, false
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
	}
}

// A shown figure is the figure itself with a caption.
func TestCaptioned(t *testing.T) {
	t.Parallel()
	figs := figures(t)
	for _, name := range []string{"bars", "row"} {
		f := captioned("", []*Figure{figs[name]})
		require.Equal(t, figs[name].mimeBundle(), f.mimeBundle(), name)
	}
	f := captioned("Both.", []*Figure{figs["images"], figs["row"]})
	require.Equal(t, "Both.", f.Caption, "the caption replaces that of the row")
	require.Equal(t, "Confident, but wrong.", figs["row"].Caption, "a figure must not change when it is shown")
	require.Len(t, f.parts, 3)
}

func TestRow(t *testing.T) {
	t.Parallel()
	figs := figures(t)
	row := figs["row"]
	require.Len(t, row.parts, 2)
	require.Equal(t, "Confident, but wrong.", row.Caption)
	require.Contains(t, row.Alt, figs["images"].Alt)
	require.Contains(t, row.Alt, figs["bars"].Alt)
	w1, h1 := figs["images"].width, figs["images"].height
	w2, h2 := figs["bars"].width, figs["bars"].height
	w, h := row.width, row.height
	require.Equal(t, w1+w2+12, w)
	require.Equal(t, max(h1, h2), h)
	texts, elements := parse(t, row.SVG())
	require.Subset(t, texts, []string{"a frog", "airplane", "0.9000"})
	require.Equal(t, 2, elements["image"])
}
