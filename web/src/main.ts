import { mount } from 'svelte'
import App from './App.svelte'
import { startTheme } from './lib/theme.svelte.ts'

startTheme()
const target = document.querySelector('#page')
if (target === null) throw new Error('index.html has no place for the page')
mount(App, { target })
