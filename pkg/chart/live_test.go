package chart

import (
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/stretchr/testify/require"
)

// All states have one id, so that the notebook keeps the last; only that one has a PNG.
func TestLive(t *testing.T) {
	t.Parallel()
	var sent []*protocol.DisplayData
	l := &Live{id: "mine", send: func(d *protocol.DisplayData) { sent = append(sent, d) }}
	f := figures(t)["curves"]
	l.Update("step 1 of 2", f)
	require.NoError(t, l.Finish("done", f))
	require.Len(t, sent, 2)
	require.Equal(t, "mine", sent[0].DisplayID)
	require.Equal(t, "mine", sent[1].DisplayID)
	require.Equal(t, "step 1 of 2", sent[0].Data[protocol.MIMETextPlain])
	require.Contains(t, sent[0].Data[protocol.MIMETextHTML], ">step 1 of 2</figcaption>")
	require.NotContains(t, sent[0].Data, protocol.MIMEImagePNG)
	require.Equal(t, captioned("done", []*Figure{f}).mimeBundle(), sent[1].Data)
}

func TestLiveOutsideNotebook(t *testing.T) {
	t.Parallel()
	l, f := NewLive(), figures(t)["curves"]
	l.Update("caption", f)
	require.NoError(t, l.Finish("caption", f))
}
