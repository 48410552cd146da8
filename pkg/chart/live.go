package chart

import (
	"fmt"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Live is a figure in a notebook's cell that changes while the cell runs. The saved notebook contains its last state only.
// Outside a GoNB notebook it does nothing.
type Live struct {
	id   string
	send func(*protocol.DisplayData)
}

// NewLive returns a figure that the first Update displays.
func NewLive() *Live {
	l := &Live{send: func(*protocol.DisplayData) {}}
	if gonbui.IsNotebook {
		l.id, l.send = gonbui.UniqueId(), gonbui.SendData
	}
	return l
}

// Update displays the figure in the place of the one before, with a caption. To be quick it leaves out the PNG: viewers
// without HTML, and programs that run notebooks, get the caption as text.
func (l *Live) Update(caption string, f *Figure) {
	f = captioned(caption, []*Figure{f})
	l.send(&protocol.DisplayData{DisplayID: l.id, Data: map[protocol.MIMEType]any{
		protocol.MIMETextHTML:  f.html(),
		protocol.MIMETextPlain: caption,
	}})
}

// Finish displays the last state, in the same formats as [Show].
func (l *Live) Finish(caption string, f *Figure) error {
	l.send(&protocol.DisplayData{DisplayID: l.id, Data: captioned(caption, []*Figure{f}).mimeBundle()})
	return shown(fmt.Sprintf("figure %q", f.Title))
}
