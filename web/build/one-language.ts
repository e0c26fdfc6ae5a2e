import type { Plugin } from 'vite'

/** Texts of React Aria in a language that the page is not in. */
const OTHER_LANGUAGE = /\/react-(?:aria|stately)\/dist\/private\/intl\/[\w-]+\/(?!en-)[\w-]+\.mjs$/

/**
 * Leaves the texts of React Aria out in all languages but English, the only one of the page: 33 languages are
 * a sixth of the first load. `I18nProvider` in src/main.tsx never asks for another one.
 */
export function oneLanguage(): Plugin {
  return {
    name: 'one-language',
    apply: 'build',
    load: { filter: { id: OTHER_LANGUAGE }, handler: () => 'export default {}' },
  }
}
