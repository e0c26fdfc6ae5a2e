// Ends the program with one clear line where it cannot run. Where `ignore-scripts` is set, npm does not run the script
// before a program that installs the packages. It uses only built-in modules, because it runs on any version of Node.
import { existsSync } from 'node:fs'

const NODE_MAJOR = 24
const isMissing = !existsSync(new URL('../node_modules/fastify/package.json', import.meta.url))

if (isMissing) {
  end(
    'The packages are not installed, because npm runs no scripts before others here (npm config get ignore-scripts). Run: node scripts/install.mjs --start --page. Then run the command again.',
  )
}
if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR) {
  end(
    `This server needs Node ${NODE_MAJOR}, and this is Node ${process.versions.node}. Run: npm rebuild node --ignore-scripts=false. Or install Node ${NODE_MAJOR}.`,
  )
}

function end(reason) {
  console.error(reason)
  process.exit(1)
}
