/** A view with an address of its own (contract §N). */
export type View =
  | { readonly name: 'inbox' | 'today' | 'upcoming' | 'all' | 'completed' | 'trash' | 'settings' }
  | { readonly name: 'tag'; readonly tag: string }
