/** The tasks of three people, written by hand. Days are counted from today. */

/** A task, and what happens to it after its creation. */
export interface Sketch {
  readonly title: string
  readonly description?: string
  readonly priority?: 'low' | 'medium' | 'high'
  readonly tags?: readonly string[]
  /** 0 is today, -1 yesterday. */
  readonly due?: number
  readonly time?: string
  readonly zone?: string
  readonly rule?: string
  /** From what the next date of the rule is counted. The default is the due date. */
  readonly from?: 'due' | 'completion'
  /** Its children, with those first that are done. */
  readonly parts?: { readonly done: readonly string[]; readonly open: readonly string[] }
  readonly afterwards?: 'complete' | 'delete' | 'move to the top'
}

export interface Life {
  readonly name: string
  /** In the order in which the person sees them. */
  readonly tasks: readonly Sketch[]
}

const ALICE: Life = {
  name: 'Alice',
  tasks: [
    { title: 'Pay the electricity bill', due: -2, priority: 'high', tags: ['home', 'money'] },
    { title: 'Return the library books', due: -1, tags: ['errands'] },
    {
      title: 'Bake a cake for Noor ☕',
      description: 'No nuts. She likes lemon, and so does her sister.',
      ...{ due: 0, priority: 'high', tags: ['home', 'family'] },
      parts: {
        done: ['Find the recipe', 'Borrow the round tin'],
        open: ['Buy lemons and butter', 'Wrap the present 🎁'],
      },
    },
    { title: 'Call the dentist', due: 0, time: '09:30', tags: ['health'] },
    {
      title: 'Water the tomatoes',
      description: 'Not at noon. The two on the balcony need twice as much.',
      ...{ due: 0, tags: ['garden'], rule: 'FREQ=DAILY;INTERVAL=2', from: 'completion' },
      afterwards: 'complete',
    },
    { title: 'Take out the bins', due: 1, time: '20:00', tags: ['home'], rule: 'FREQ=WEEKLY' },
    {
      title: 'Transfer the rent',
      ...{ due: 3, priority: 'high', tags: ['money'] },
      rule: 'FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD',
    },
    {
      title: 'Train to Łódź',
      description: 'Window seat, and a table if there is one.',
      ...{ due: 5, time: '07:42', zone: 'Europe/Warsaw', priority: 'medium', tags: ['travel'] },
      parts: {
        done: ['Book the tickets'],
        open: ['Pack the small suitcase', 'Ask Bob to feed the cat'],
      },
    },
    { title: 'Write the thank-you cards', due: 9, priority: 'low', tags: ['family'] },
    { title: 'Plan the herb bed', tags: ['garden'], afterwards: 'move to the top' },
    { title: 'Buy coffee beans', due: 0, tags: ['errands'], afterwards: 'complete' },
    { title: 'Cancel the old phone contract', tags: ['money'], afterwards: 'delete' },
  ],
}

const BOB: Life = {
  name: 'Bob',
  tasks: [
    {
      title: 'Answer the auditor',
      description: '1. the list of accesses\n2. the backup of March\n3. who approved what',
      ...{ due: -3, priority: 'high', tags: ['work'] },
    },
    { title: 'Fix the rear brake 🚲', due: -1, priority: 'medium', tags: ['bike'] },
    {
      title: 'Release 2.4',
      ...{ due: 0, time: '16:00', zone: 'Europe/Berlin', priority: 'high', tags: ['work'] },
      parts: {
        done: ['Freeze the branch', 'Run the migrations on a copy'],
        open: ['Write the change notes', 'Deploy', 'Tell the support team'],
      },
    },
    { title: 'Review the pull request', due: 0, priority: 'medium', tags: ['work', 'review'] },
    {
      title: 'Stand-up',
      ...{ due: 0, time: '09:15', tags: ['work'] },
      ...{ rule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', afterwards: 'complete' },
    },
    { title: 'One-to-one with Sam', due: 2, time: '14:00', tags: ['work'], rule: 'FREQ=WEEKLY' },
    { title: 'Feed Alice’s cat', due: 5, tags: ['home'], rule: 'FREQ=DAILY;COUNT=4' },
    { title: 'Renew the certificate', due: 12, priority: 'high', tags: ['work'] },
    {
      title: 'Go for a run',
      description: '5 km, or until the rain starts.',
      ...{ due: 1, tags: ['health'], rule: 'FREQ=DAILY;INTERVAL=3', from: 'completion' },
    },
    { title: 'Read the paper on sagas', tags: ['work', 'reading'], afterwards: 'move to the top' },
    { title: 'Expenses of last month', due: 0, tags: ['work', 'money'], afterwards: 'complete' },
    { title: 'Try the other editor', tags: ['work'], afterwards: 'delete' },
  ],
}

const CAROL: Life = {
  name: 'Carol',
  tasks: [
    { title: 'Hand in the essay', due: -1, priority: 'high', tags: ['university'] },
    {
      title: 'Practise the piano',
      description: 'Slowly. The left hand alone first.',
      ...{ due: 0, tags: ['music'], rule: 'FREQ=DAILY', afterwards: 'complete' },
    },
    {
      title: 'Learn ten words: 水, 火, 木 …',
      description: 'Write each one five times, then say it aloud.',
      ...{ due: 0, tags: ['日本語'], rule: 'FREQ=WEEKLY;BYDAY=MO,WE,FR,SU' },
    },
    {
      title: 'Concert in June',
      ...{ due: 20, priority: 'medium', tags: ['music'] },
      parts: {
        done: ['Choose the pieces'],
        open: ['Reserve the hall', 'Print the programme', 'Invite the neighbours'],
      },
    },
    {
      title: 'Call home',
      ...{ due: 1, time: '19:00', zone: 'Asia/Tokyo', tags: ['family'] },
      rule: 'FREQ=MONTHLY;BYDAY=1SU',
    },
    { title: 'Seminar on phonetics', due: 2, time: '10:15', tags: ['university'] },
    { title: 'Renew the student card', due: 6, tags: ['university', 'errands'] },
    { title: 'Have the piano tuned', due: 30, priority: 'low', tags: ['music'] },
    { title: 'Buy strings for the guitar', tags: ['music', 'errands'] },
    { title: 'Send the photos', description: 'Only the good ones. There are 412.' },
    { title: 'Choose a topic for the thesis', priority: 'high', afterwards: 'move to the top' },
    { title: 'Repair the bicycle light', due: 0, tags: ['errands'], afterwards: 'complete' },
    { title: 'Sign up for the choir', tags: ['music'], afterwards: 'delete' },
  ],
}

export const LIVES: readonly Life[] = [ALICE, BOB, CAROL]
