/** No task has it: the schemas refuse it as the id of a new task. */
export const NIL_UUID = '00000000-0000-0000-0000-000000000000'

const CANONICAL = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether a text is a UUID in lower case, which PostgreSQL reads without an error. */
export const isCanonicalUuid = (text: string): boolean => CANONICAL.test(text)
