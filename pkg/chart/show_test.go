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

func TestShowOutsideANotebook(t *testing.T) {
	t.Parallel()
	for name, f := range figures(t) {
		require.NoError(t, f.Show(), name)
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	f := figures(t)["bars"].Captioned("Airplanes, <mostly>.")
	b := f.bundle()
	img, err := png.Decode(bytes.NewReader(b[protocol.MIMEImagePNG].([]byte)))
	require.NoError(t, err)
	w, h := f.Size()
	require.Equal(t, int(w), img.Bounds().Dx(), "natural size, to keep notebooks small")
	require.Equal(t, int(h), img.Bounds().Dy())
	require.Equal(t, f.Alt+"\nAirplanes, <mostly>.", b[protocol.MIMETextPlain])
	require.Equal(t, f.HTML(), b[protocol.MIMETextHTML])
}

var source = regexp.MustCompile(`src="data:image/svg\+xml;base64,([^"]*)"`)

func TestHTML(t *testing.T) {
	t.Parallel()
	figs := figures(t)
	for name, f := range figs {
		page := f.HTML()
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
	require.NotContains(t, figs["bars"].HTML(), "<figcaption")
	page := figs["bars"].Captioned(`a < b & "c"`).HTML()
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

func TestRow(t *testing.T) {
	t.Parallel()
	figs := figures(t)
	row := figs["row"]
	require.Len(t, row.parts, 2)
	require.Equal(t, "Sure, but wrong.", row.Caption)
	require.Contains(t, row.Alt, figs["images"].Alt)
	require.Contains(t, row.Alt, figs["bars"].Alt)
	w1, h1 := figs["images"].Size()
	w2, h2 := figs["bars"].Size()
	w, h := row.Size()
	require.Equal(t, w1+w2+12, w)
	require.Equal(t, max(h1, h2), h)
	texts, elements := parse(t, row.SVG())
	require.Subset(t, texts, []string{"a frog", "airplane", "0.9000"})
	require.Equal(t, 2, elements["image"])
}
