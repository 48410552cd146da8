package chart

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Show displays the figure as the output of the notebook's cell. Outside a GoNB notebook it does nothing, so that a
// cell's code also runs as a plain program or a test.
func (f *Figure) Show() error {
	if !gonbui.IsNotebook {
		return nil
	}
	gonbui.SendData(&protocol.DisplayData{Data: f.bundle()})
	gonbui.Sync() // the cell's program may end right after this
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("chart: show figure %q: %w", f.Title, err)
	}
	return nil
}

// bundle is the figure in the forms from which a notebook viewer takes the first that it can show: HTML in
// JupyterLab (also before the reader trusts the notebook) and in HTML pages; PNG, at its natural size to keep notebooks
// small, in PDF files and where a forge shows no HTML; words in a terminal.
func (f *Figure) bundle() map[protocol.MIMEType]any {
	return map[protocol.MIMEType]any{
		protocol.MIMETextHTML:  f.HTML(),
		protocol.MIMEImagePNG:  encode(f.raster(1)),
		protocol.MIMETextPlain: strings.TrimSpace(f.description() + "\n" + f.Caption),
	}
}

// HTML gives the figure as a piece of a web page that needs nothing else. The picture is inside an <img> tag, so that
// neither styles nor identifiers of two figures on one page meet.
func (f *Figure) HTML() string {
	parts := f.parts
	if len(parts) == 0 {
		parts = []*Figure{f}
	}
	var b strings.Builder
	b.WriteString(`<figure style="margin:0.5em 0"><div style="display:flex;flex-wrap:wrap;align-items:center;gap:12px">`)
	for _, p := range parts {
		// Down to 400 pixels the figures of a row shrink, then they wrap.
		fmt.Fprintf(&b, `<img alt="%s" width="%g" style="flex:1 1 %gpx;min-width:0;max-width:min(100%%,%gpx);height:auto" src="data:image/svg+xml;base64,%s">`,
			html.EscapeString(p.description()), p.width, min(p.width, 400), p.width, base64.StdEncoding.EncodeToString(p.SVG()))
	}
	b.WriteString("</div>")
	if f.Caption != "" {
		fmt.Fprintf(&b, `<figcaption style="margin-top:0.4em;max-width:60em">%s</figcaption>`, html.EscapeString(f.Caption))
	}
	b.WriteString("</figure>")
	return b.String()
}
