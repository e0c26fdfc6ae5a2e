import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { finishBuild } from './build/finish.ts'
import { oneLanguage } from './build/one-language.ts'

/** The server during development. `npm run dev` starts it here. */
const SERVER = process.env.TODO_SERVER ?? 'http://127.0.0.1:8000'

// biome-ignore lint/style/noDefaultExport: Vite reads the default export of this file
export default defineConfig({
  // Addresses in the build are relative, so that one build works under any BASE_PATH.
  base: './',
  cacheDir: '../node_modules/.cache/vite',
  plugins: [react(), oneLanguage(), finishBuild()],
  build: {
    target: 'es2022',
    // The policy of the page refuses scripts in HTML, and data: in anything but images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    strictPort: true,
    proxy: { '/api': SERVER },
  },
})
