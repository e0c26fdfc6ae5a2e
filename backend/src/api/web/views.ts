/**
 * The views of the page, each with an address of its own, below the home resource. `web/src/views.ts` has the same
 * list, and a test compares them.
 */
export const VIEWS = [
  '/inbox',
  '/today',
  '/upcoming',
  '/all',
  '/completed',
  '/trash',
  '/settings',
  '/sign-in',
  '/sign-up',
  '/forgot-password',
  '/reset-password',
  '/tags/:tag',
]
