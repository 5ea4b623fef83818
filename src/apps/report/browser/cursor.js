import { element } from './blob.js'

/** @typedef {{ column: number, row: number }} Cell */
/**
 * A plot one can walk through: by pointer, or by arrow keys once it has the focus.
 * @typedef {object} Walkable
 * @property {() => { columns: number, rows: number }} size
 * @property {(x: number, y: number) => Cell | undefined} cellAt
 * @property {(cell: Cell) => { x: number, y: number }} pointOf
 * @property {(cell: Cell) => readonly string[]} describe
 * @property {(cell: Cell | undefined) => void} draw
 * @property {(cell: Cell) => void} [pick]
 */

/**
 * Lets people walk through a plot and read what is under the cursor.
 * @param {HTMLCanvasElement} canvas
 * @param {Walkable} plot
 */
export function attachCursor(canvas, plot) {
  /** @type {Cell | undefined} */
  let cell
  const show = (/** @type {Cell | undefined} */ next) => {
    if (next?.column === cell?.column && next?.row === cell?.row) return
    cell = next
    plot.draw(cell)
    if (cell === undefined) hideTip()
    else showTip(canvas, plot.pointOf(cell), plot.describe(cell))
  }
  const under = (/** @type {PointerEvent} */ event) => plot.cellAt(event.offsetX, event.offsetY)
  canvas.addEventListener('pointermove', (event) => show(under(event)))
  canvas.addEventListener('pointerdown', (event) => show(under(event)))
  canvas.addEventListener('pointerleave', () => show(undefined))
  canvas.addEventListener('blur', () => show(undefined))
  canvas.addEventListener('click', (event) => {
    const clicked = plot.cellAt(event.offsetX, event.offsetY)
    if (clicked !== undefined) plot.pick?.(clicked)
  })
  canvas.addEventListener('keydown', (event) => {
    const size = plot.size()
    if (size.columns === 0 || size.rows === 0 || event.altKey || event.ctrlKey || event.metaKey) return
    if (event.key === 'Escape') return show(undefined)
    if ((event.key === 'Enter' || event.key === ' ') && cell !== undefined) {
      event.preventDefault()
      return plot.pick?.(cell)
    }
    const next = step(event, cell, size)
    if (next === undefined) return
    event.preventDefault()
    show(next)
  })
}

/**
 * @param {KeyboardEvent} event
 * @param {Cell | undefined} from
 * @param {{ columns: number, rows: number }} size
 * @returns {Cell | undefined}
 */
function step(event, from, size) {
  const stride = event.shiftKey ? 12 : 1
  const across = { ArrowLeft: -stride, ArrowRight: stride, Home: -size.columns, End: size.columns }[event.key] ?? 0
  const down = { ArrowUp: -stride, ArrowDown: stride }[event.key] ?? 0
  if (across === 0 && down === 0) return undefined
  if (from === undefined) return { column: across < 0 ? size.columns - 1 : 0, row: 0 }
  return {
    column: Math.min(size.columns - 1, Math.max(0, from.column + across)),
    row: Math.min(size.rows - 1, Math.max(0, from.row + down)),
  }
}

/**
 * @param {HTMLElement} owner
 * @param {{ x: number, y: number }} point
 * @param {readonly string[]} lines
 */
function showTip(owner, point, lines) {
  const tip = element('tip', HTMLDivElement)
  tip.replaceChildren(
    ...lines.map((line, i) => {
      const row = document.createElement(i === 0 ? 'b' : 'span')
      row.textContent = line
      return row
    }),
  )
  tip.hidden = false
  const frame = owner.getBoundingClientRect()
  const x = frame.left + point.x
  const y = frame.top + point.y
  const isRight = x + 16 + tip.offsetWidth > document.documentElement.clientWidth
  tip.style.left = `${Math.max(4, isRight ? x - tip.offsetWidth - 14 : x + 14)}px`
  tip.style.top = `${Math.max(4, Math.min(y + 14, window.innerHeight - tip.offsetHeight - 4))}px`
}

function hideTip() {
  element('tip', HTMLDivElement).hidden = true
}
