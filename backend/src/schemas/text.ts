/** Any Unicode but U+0000 and lone surrogates: what PostgreSQL can store and give back unchanged. */
export const TEXT = {
  pattern: '^[^\\u0000\\ud800-\\udfff]*$',
  'x-message': 'must be well-formed Unicode without U+0000',
} as const
