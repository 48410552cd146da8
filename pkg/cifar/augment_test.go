package cifar

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"
)

// Every image of an augmented epoch is an image of the data with the transform of its number and epoch, pixel by pixel.
func TestAugment(t *testing.T) {
	t.Parallel()
	d := numbered(20)
	for _, a := range []Augment{{Flip: "random"}, {Flip: "alternate"}, {Shift: 4}, {Flip: "random", Shift: 2}} {
		l := newLoader(t, d, 7, 5)
		var plain []uint8 // the images of the epoch in their order, without augmentation
		for batch, err := range l.Epoch(3, 0) {
			require.NoError(t, err)
			pixels, err := tensors.CopyFlatData[uint8](batch.Inputs[0])
			require.NoError(t, err)
			plain = append(plain, pixels...)
		}
		require.NoError(t, l.Augment(a))
		transforms := a.transforms(d.Len(), 5, 3)
		at := 0
		for batch, err := range l.Epoch(3, 0) {
			require.NoError(t, err)
			pixels, err := tensors.CopyFlatData[uint8](batch.Inputs[0])
			require.NoError(t, err)
			for len(pixels) > 0 {
				image := plain[at*ImageSize:][:ImageSize]
				m := transforms[3*int(image[0]):][:3] // numbered images begin with their number
				require.Equal(t, transformed(image, m), pixels[:ImageSize], "%+v, image %d, transform %v", a, image[0], m)
				pixels = pixels[ImageSize:]
				at++
			}
		}
		require.Equal(t, 20, at)
	}
}

// Describe's words are what one sees: undoing them on a picture gives the image, away from the border.
func TestDescribe(t *testing.T) {
	t.Parallel()
	a := Augment{Flip: "random", Shift: 3}
	flips := 0
	for i := range 40 {
		image := make([]uint8, ImageSize)
		for p := range image {
			image[p] = uint8(p * 7 % 251)
		}
		picture := transformed(image, a.transforms(40, 9, 2)[3*i:][:3])
		var flip bool
		var left, up int
		for _, part := range strings.Split(a.Describe(9, 2, i), ", ") {
			n := 0
			word := part
			if number, rest, ok := strings.Cut(part, " "); ok {
				var err error
				n, err = strconv.Atoi(number)
				require.NoError(t, err)
				require.Positive(t, n)
				word = rest
			}
			switch word {
			case "flip":
				flip = true
			case "left":
				left = n
			case "right":
				left = -n
			case "up":
				up = n
			case "down":
				up = -n
			case "unchanged":
			default:
				t.Fatalf("word %q", word)
			}
		}
		if flip {
			flips++
		}
		for y := 3; y < Height-3; y++ {
			for x := 3; x < Width-3; x++ {
				from := x
				if flip {
					from = Width - 1 - x
				}
				at := ((y-up)*Width + x - left) * Channels // a pixel that moves left is now at a smaller x
				require.Equal(t, image[(y*Width+from)*Channels:][:Channels], picture[at:][:Channels], "image %d: %s", i, a.Describe(9, 2, i))
			}
		}
	}
	require.Greater(t, flips, 5)
	require.Less(t, flips, 35)
	require.Equal(t, "unchanged", Augment{}.Describe(9, 2, 3))
}

// transformed is the definition of a transform.
func transformed(image []uint8, transform []int32) []uint8 {
	out := make([]uint8, 0, ImageSize)
	mirror := func(i int) int {
		if i < 0 {
			return -i
		}
		if i >= Width {
			return 2*(Width-1) - i
		}
		return i
	}
	for y := range Height {
		for x := range Width {
			column := x
			if transform[0] == 1 {
				column = Width - 1 - x
			}
			p := (mirror(y+int(transform[1]))*Width + mirror(column+int(transform[2]))) * Channels
			out = append(out, image[p:p+Channels]...)
		}
	}
	return out
}

func TestTransforms(t *testing.T) {
	t.Parallel()
	const n = 3000
	count := func(m []int32, i int) map[int32]int {
		c := map[int32]int{}
		for k := i; k < len(m); k += 3 {
			c[m[k]]++
		}
		return c
	}
	random := Augment{Flip: "random", Shift: 2}
	first := random.transforms(n, 1, 0)
	require.Equal(t, first, random.transforms(n, 1, 0), "the same seed and epoch give the same")
	require.NotEqual(t, first, random.transforms(n, 1, 1))
	require.NotEqual(t, first, random.transforms(n, 2, 0))
	require.InDelta(t, n/2, count(first, 0)[1], 150)
	for i := 1; i <= 2; i++ {
		c := count(first, i)
		require.Len(t, c, 5)
		for _, shift := range []int32{-2, -1, 0, 1, 2} {
			require.InDelta(t, n/5, c[shift], 120)
		}
	}
	alternate := Augment{Flip: "alternate"}
	even, odd, again := alternate.transforms(n, 1, 0), alternate.transforms(n, 1, 1), alternate.transforms(n, 1, 2)
	require.Equal(t, even, again)
	require.InDelta(t, n/2, count(even, 0)[1], 150)
	for i := 0; i < len(even); i += 3 {
		require.Equal(t, int32(1), even[i]+odd[i])
		require.Zero(t, even[i+1])
	}
}

// An epoch that is resumed in the middle has the same transforms.
func TestAugmentResume(t *testing.T) {
	t.Parallel()
	collect := func(from int) (all [][]uint8) {
		l := newLoader(t, numbered(20), 6, 5)
		require.NoError(t, l.Augment(Augment{Flip: "random", Shift: 3}))
		for batch, err := range l.Epoch(1, from) {
			require.NoError(t, err)
			pixels, err := tensors.CopyFlatData[uint8](batch.Inputs[0])
			require.NoError(t, err)
			all = append(all, pixels)
		}
		return all
	}
	whole := collect(0)
	require.Len(t, whole, 4)
	require.Equal(t, whole[2:], collect(2))
}

func TestAugmentValidate(t *testing.T) {
	t.Parallel()
	l := newLoader(t, numbered(4), 2, 1)
	require.ErrorContains(t, l.Augment(Augment{Flip: "sideways"}), `flip is "sideways"`)
	require.ErrorContains(t, l.Augment(Augment{Shift: -1}), "shift is -1")
	require.ErrorContains(t, l.Augment(Augment{Shift: 17}), "shift is 17")
	require.NoError(t, l.Augment(Augment{}))
}
