import { element } from './blob.js'
import { colour } from './canvas.js'
import { percent } from './words.js'

const HEAT_SHADES = 200

/**
 * Red, green, blue and opacity of a load: off is clear, above 100 % one colour apart, the rest a ramp up to `full`.
 * @param {number} full
 * @returns {(load: number) => readonly number[]}
 */
export function heatColours(full) {
  const stops = ['heat-0', 'heat-1', 'heat-2', 'heat-3', 'heat-4'].map((name) => channels(colour(name)))
  const over = [...channels(colour('over')), 255]
  const shades = Array.from({ length: HEAT_SHADES + 1 }, (_, shade) => {
    const position = (shade / HEAT_SHADES) * (stops.length - 1)
    const low = Math.min(stops.length - 2, Math.floor(position))
    return [...stops[low].map((value, i) => Math.round(value + (stops[low + 1][i] - value) * (position - low))), 255]
  })
  const off = [0, 0, 0, 0]
  return (load) => {
    if (Number.isNaN(load)) return off
    return load > 1 ? over : shades[Math.round(Math.min(1, load / full) * HEAT_SHADES)]
  }
}

/** @param {string} hex */
function channels(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))
}

/**
 * What the colours mean.
 * @param {number} full
 */
export function drawHeatKey(full) {
  const ramp = document.createElement('canvas')
  ramp.width = HEAT_SHADES
  ramp.height = 1
  const context = ramp.getContext('2d')
  const pixels = context?.createImageData(HEAT_SHADES, 1)
  const colourOf = heatColours(full)
  for (let i = 0; i < HEAT_SHADES; i++) pixels?.data.set(colourOf((i / (HEAT_SHADES - 1)) * full), i * 4)
  if (pixels !== undefined) context?.putImageData(pixels, 0, 0)
  const over = document.createElement('i')
  over.className = 'swatch over'
  const off = document.createElement('i')
  off.className = 'swatch off'
  const parts = ['Demand of capacity: 0 %', ramp, percent(full), over, 'above 100 %', off, 'off']
  element('heat-key', HTMLDivElement).replaceChildren(...parts)
}
