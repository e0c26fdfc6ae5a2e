/**
 * The paths of the page below the base, each also an address of the server: backend/src/api/web/views.ts has the same
 * list, and a test compares them. A tag follows `tags/` as one encoded segment.
 */
export const VIEW_PATHS = [
  'inbox',
  'today',
  'upcoming',
  'all',
  'completed',
  'trash',
  'settings',
  'sign-in',
  'sign-up',
  'forgot-password',
  'reset-password',
] as const

export const TAG_PREFIX = 'tags/'

/** @param path below the base, without a slash at its begin. @returns whether it is a view, as the server decides it. */
export function isView(path: string): boolean {
  if (path === '') return true
  if (path.startsWith(TAG_PREFIX)) return /^[^/]+$/.test(path.slice(TAG_PREFIX.length))
  return VIEW_PATHS.some((view) => view === path)
}
