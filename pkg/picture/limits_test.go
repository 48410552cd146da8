package picture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The quarters, 64×64, written by Pillow 12 in formats for which Go has no encoder.
const (
	lossyWebP    = "UklGRowAAABXRUJQVlA4IIAAAADQBQCdASpAAEAAPtFWo0uoJKMhsAgBABoJQBh8wC/QPyA2lPnf5AfjNX/gM4LDLjH8WIVduMWAAP7rNh4pbVtuwjmN7teBqZKQCkXVjzbw/bw/b/DHzoneFBlaFv94Zvb3foB8NaIj1PNTT/7tYpQp74Op3bachc4CvtkpSBgoAA=="
	losslessWebP = "UklGRjoAAABXRUJQVlA4TC0AAAAvP8APAB8gEEjeHzqN+RcQFPwf3fxHZA+ASIDEk570pIkBtIj+T8Cw6Fvw6BsA"
	alphaWebP    = "UklGRqQAAABXRUJQVlA4WAoAAAAQAAAAPwAAPwAAQUxQSBMAAAABDzD/ERFCLJjkLx3C3oj+5/z4AFZQOCBqAAAAkAQAnQEqQABAAD7RWKVMqCUjoi4IAQAaCUAZGiAGgAAOG1s3mwNQG4xwvL0AAP7rNvrlshSx/6En/xNn/E2fBzS7cyxELvAeK/w5T/w5T/w5T/hipgp5R298DWv7Heexf4Q055qzRUYAAA=="
	animatedWebP = "UklGRkIBAABXRUJQVlA4WAoAAAACAAAABwAABwAAQU5JTQYAAAAAAAAAAABBTk1GhAAAAAAAAAAAAAcAAAcAAAAAAAJWUDggbAAAANABAJ0BKggACAABQCYlsAADYSCLRqMAAP72k+qhFHOux8/uEpF34QPxP//Xv/Kgv7yj/6rv/E7EAvi/9zr+7TX+hv//0Ov/I+N/xT0J//8Sgj/jdX/3XZ/x2f8aS3//Gxv/ix1T+jfjWVSAAEFOTUaKAAAAAAAAAAAABwAABwAAAAAAAFZQOCByAAAA1AEAnQEqCAAIAAAAJiWwAAM6bKfSzgAA/pdz1/ho/6Ul9B34deaFOfK9jf/+Vf9t/7Sj/8HL/H/MBeKf/6E1/+UlOX8EP/t//6Jtn+hP/9LgCd7/i7f/IKv2x/r/wnf8GovHhMob/+lh/5kxH+bLXQAA"

	progressiveJPEG = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wgARCABAAEADASIAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAAAAAAAAUGBP/EABgBAQADAQAAAAAAAAAAAAAAAAAEBQYD/9oADAMBAAIQAxAAAAHiEW+ApCLiAJolbcCkIuIAgjZWgG5FD1AwwvuQG5FD1A//xAAUEAEAAAAAAAAAAAAAAAAAAABg/9oACAEBAAEFAgH/xAAUEQEAAAAAAAAAAAAAAAAAAABA/9oACAEDAQE/AQf/xAAUEQEAAAAAAAAAAAAAAAAAAABA/9oACAECAQE/AQf/xAAUEAEAAAAAAAAAAAAAAAAAAABg/9oACAEBAAY/AgH/xAAUEAEAAAAAAAAAAAAAAAAAAABg/9oACAEBAAE/IQH/2gAMAwEAAgADAAAAEAAPPAAPPAAAAAAAAP/EABQRAQAAAAAAAAAAAAAAAAAAAED/2gAIAQMBAT8QB//EABQRAQAAAAAAAAAAAAAAAAAAAED/2gAIAQIBAT8QB//EABQQAQAAAAAAAAAAAAAAAAAAAGD/2gAIAQEAAT8QAf/Z"
)

func fromBase64(t testing.TB, text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	return data
}

// claiming returns the file with the width and height in its header changed, at the given offsets.
func claiming(data []byte, order binary.ByteOrder, atWidth, atHeight int, w, h uint16) []byte {
	data = bytes.Clone(data)
	order.PutUint16(data[atWidth:], w)
	order.PutUint16(data[atHeight:], h)
	return data
}

// pngClaiming returns the start of a PNG file with the given header.
func pngClaiming(w, h uint32, depth, colourType, interlaced byte) []byte {
	header := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	header = append(binary.BigEndian.AppendUint32(header, h), depth, colourType, 0, 0, interlaced)
	file := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), header...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(header))
}

// bombs are small files that would take much memory to decode, each with a part of the error.
func bombs(t testing.TB) map[string]struct {
	data []byte
	want string
} {
	progressive := fromBase64(t, progressiveJPEG)
	sof := bytes.Index(progressive, []byte{0xFF, 0xC2})
	jpeg := func(w, h uint16) []byte { return claiming(progressive, binary.BigEndian, sof+7, sof+5, w, h) }
	hidden := append([]byte{0xFF, 0xD8, 0}, jpeg(5000, 7000)[2:]...) // with a byte that decoders skip
	lossless := fromBase64(t, losslessWebP)
	binary.LittleEndian.PutUint32(lossless[21:], 16383<<14|16383)
	extended := append([]byte("RIFF\x46\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), make([]byte, 10)...) // states 1×1
	extended = append(extended, lossless[12:]...)
	// An animation of which the size comes after an image, and one with a frame larger than its canvas.
	lossy := fromBase64(t, lossyWebP)
	late := append(bytes.Clone(lossy), "VP8X\x0a\x00\x00\x00\x02\x00\x00\x00\xff\xff\x00\xff\xff\x00"...)
	late = append(append(late, "ANMF\x10\x00\x00\x00"...), make([]byte, 16)...)
	wide := fromBase64(t, animatedWebP)
	frame := bytes.Index(wide, []byte("ANMF"))
	copy(wide[frame+14:], "\xff\xff\x00\xff\xff\x00")
	return map[string]struct {
		data []byte
		want string
	}{
		"size after the image, webp": {late, "65536×65536 pixels"},
		"large frame, webp":          {wide, "65536×65536 pixels"},
		"100 megapixels, png":        {pngClaiming(10000, 10000, 8, 2, 0), "10000×10000 pixels"},
		"2 gigapixels wide, png":     {pngClaiming(1<<31-1, 1, 8, 2, 0), "2147483647×1 pixels"},
		"16 bits, interlaced, png":   {pngClaiming(7000, 7000, 16, 6, 1), "takes 747 MB"},
		"gif":                        {gifHeader(65535, 65535), "65535×65535 pixels"},
		"progressive jpeg":           {jpeg(5000, 7000), "takes 500 MB"},
		"hidden progressive jpeg":    {hidden, "takes 500 MB"},
		"jpeg":                       {jpeg(65535, 65535), "65535×65535 pixels"},
		"lossless webp":              {lossless, "16384×16384 pixels"},
		"lossless webp in extended":  {extended, "16384×16384 pixels"},
		"webp":                       {claiming(fromBase64(t, lossyWebP), binary.LittleEndian, 26, 28, 16383, 16383), "16383×16383 pixels"},
	}
}

func TestBadDecompressionBombs(t *testing.T) {
	for name, bomb := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			require.Less(t, refused(t, bomb.data, bomb.want), uint64(1<<20))
			_, err := decode(bytes.NewReader(bomb.data))
			require.ErrorIs(t, err, ErrTooLarge)
		})
	}
}

// The largest images that are accepted take less than 500 MB, and about a second on an idle machine.
func TestLargest(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	for name, img := range map[string]image.Image{
		"50 megapixels":          image.NewGray(image.Rect(0, 0, 7000, 7100)),
		"26 megapixels, 16 bits": image.NewNRGBA64(image.Rect(0, 0, 5100, 5100)),
	} {
		var b bytes.Buffer
		require.NoError(t, encoder.Encode(&b, img))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := decode(bytes.NewReader(b.Bytes()))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		require.NoError(t, err, name)
		grown := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %d MB, %v", name, grown, took.Round(time.Millisecond))
		require.Less(t, grown, uint64(500), name)
	}
}

// FuzzDecode checks that no file makes decode panic. It skips large images, which would be slow.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{lossyWebP, losslessWebP, alphaWebP, animatedWebP, progressiveJPEG} {
		f.Add(fromBase64(f, text))
	}
	for _, bomb := range bombs(f) {
		f.Add(bomb.data)
	}
	f.Add(pngBytes(f, quarters(8, 8)))
	f.Add(withOrientation(f, quarters(8, 8), binary.BigEndian, 6))
	f.Add(withOrientation(f, quarters(8, 8), binary.LittleEndian, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []string{"jpeg", "webp", "png"} {
			if o := inspect(bytes.NewReader(data), format).orientation; o < 1 || o > 8 {
				t.Fatalf("orientation %d", o)
			}
		}
		c, format, err := image.DecodeConfig(bytes.NewReader(data))
		d := inspect(bytes.NewReader(data), format)
		if err == nil && max(c.Width, d.width)*max(c.Height, d.height) > 1<<20 {
			return
		}
		decode(bytes.NewReader(data))
	})
}
