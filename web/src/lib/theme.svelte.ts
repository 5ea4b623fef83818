/** Light or dark: as the system has it, or as somebody chose here. */

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]
const KEY = 'ethos-theme'

class Choice {
  theme: Theme = $state('system')

  choose(theme: Theme): void {
    this.theme = theme
    if (theme === 'system') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = theme
    try {
      if (theme === 'system') localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, theme)
    } catch {
      // Where nothing may be kept it holds until the page is left.
    }
  }
}

export const choice = new Choice()

/** Takes up what was chosen here before. */
export function startTheme(): void {
  try {
    const kept = THEMES.find((theme) => theme === localStorage.getItem(KEY))
    if (kept !== undefined) choice.choose(kept)
  } catch {
    // As the system has it.
  }
}

/** A colour of tokens.css as a canvas takes it, light or dark as the page is now. @param name such as `--load-3` */
export function colourOf(name: string): string {
  probe ??= makeProbe()
  probe.style.color = `var(${name})`
  return getComputedStyle(probe).color
}

let probe: HTMLElement | undefined

function makeProbe(): HTMLElement {
  const element = document.createElement('span')
  element.hidden = true
  document.body.append(element)
  return element
}

/** Calls it whenever light and dark change; returns what ends that. */
export function onThemeChange(listener: () => void): () => void {
  const query = matchMedia('(prefers-color-scheme: dark)')
  const observer = new MutationObserver(listener)
  query.addEventListener('change', listener)
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  return () => {
    query.removeEventListener('change', listener)
    observer.disconnect()
  }
}
