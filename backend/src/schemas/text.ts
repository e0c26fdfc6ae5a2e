/** All text that PostgreSQL can store unchanged: no U+0000 and no lone surrogates. */
export const TEXT = {
  pattern: '^[^\\u0000\\ud800-\\udfff]*$',
  'x-message': 'must be well-formed Unicode without U+0000',
} as const
