/** @returns the schema of an object with these members, all of which are required unless `optional` names them. */
export const object = (properties: object, optional: readonly string[] = []) => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
})
