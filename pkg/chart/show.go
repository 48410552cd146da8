package chart

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Show displays figures side by side as the output of a notebook's cell, with a caption below them unless it is empty.
// Outside a GoNB notebook it does nothing, so the code of a cell also runs as a plain program or a test.
func Show(caption string, figures ...*Figure) error {
	if !gonbui.IsNotebook {
		return nil
	}
	f := captioned(caption, figures)
	gonbui.SendData(&protocol.DisplayData{Data: f.mimeBundle()})
	return shown(fmt.Sprintf("figure %q", f.Title))
}

// ShowMarkdown displays a text, such as a table, as Show does a figure.
func ShowMarkdown(text string) error {
	if !gonbui.IsNotebook {
		return nil
	}
	gonbui.DisplayMarkdown(text)
	return shown("Markdown")
}

// shown waits until what was sent has arrived: the cell's program may end right after this.
func shown(what string) error {
	gonbui.Sync()
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("chart: show %s: %w", what, err)
	}
	return nil
}

// captioned returns the figures as one row with the given caption, or with their own captions if it is empty.
func captioned(caption string, figures []*Figure) *Figure {
	f := Row(figures...)
	if caption != "" {
		f.Caption = caption
	}
	return f
}

// mimeBundle returns the figure in several formats, of which a notebook viewer shows the first that it supports: HTML in
// JupyterLab (even before the notebook is trusted) and on web pages; PNG, at natural size to keep notebooks small, in
// PDF files and on code forges without HTML; text in a terminal.
func (f *Figure) mimeBundle() map[protocol.MIMEType]any {
	return map[protocol.MIMEType]any{
		protocol.MIMETextHTML:  f.html(),
		protocol.MIMEImagePNG:  encodePNG(f.rasterize(1)),
		protocol.MIMETextPlain: strings.TrimSpace(f.description() + "\n" + f.Caption),
	}
}

// html returns the figure with its caption as a self-contained fragment of a web page. The drawing is inside an <img>
// tag, so styles and identifiers of several figures on a page cannot clash.
func (f *Figure) html() string {
	parts := f.parts
	if len(parts) == 0 {
		parts = []*Figure{f}
	}
	var b strings.Builder
	b.WriteString(`<figure style="margin:0.5em 0"><div style="display:flex;flex-wrap:wrap;align-items:center;gap:12px">`)
	for _, p := range parts {
		// In a narrow window the figures of a row first shrink to 400 pixels, then wrap. The height reserves the room while
		// the picture is decoded, so that a figure that changes does not flicker.
		fmt.Fprintf(&b, `<img alt="%s" width="%g" height="%g" style="flex:1 1 %gpx;min-width:0;max-width:min(100%%,%gpx);height:auto" src="data:image/svg+xml;base64,%s">`,
			html.EscapeString(p.description()), p.width, p.height, min(p.width, 400), p.width, base64.StdEncoding.EncodeToString(p.SVG()))
	}
	b.WriteString("</div>")
	if f.Caption != "" {
		fmt.Fprintf(&b, `<figcaption style="margin-top:0.4em;max-width:60em">%s</figcaption>`, html.EscapeString(f.Caption))
	}
	b.WriteString("</figure>")
	return b.String()
}
