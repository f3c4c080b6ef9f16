// Improves pages and is never needed: sends the form_post answer on, goes on after signing out, ticks off what a new password must be, and copies what
// a button with data-copy names.
(function () {
  'use strict';
  var form = document.querySelector('form[data-send]');
  if (form) {
    form.submit();
  }
  // After signing out: on to the app once its frames have loaded, or after three seconds.
  var onward = document.querySelector('a[data-after-frames]');
  if (onward) {
    var left = 0;
    var go = function () {
      if (onward) {
        location.assign(onward.href);
        onward = null;
      }
    };
    document.querySelectorAll('iframe').forEach(function (frame) {
      left += 1;
      frame.addEventListener('load', function () {
        left -= 1;
        if (left === 0) {
          go();
        }
      });
    });
    setTimeout(go, 3000);
  }
  var fresh = document.querySelector('input[data-min]');
  if (fresh) {
    var met = {
      length: function (text) { return Array.from(text).length >= Number(fresh.dataset.min); },
      upper: function (text) { return /\p{Lu}/u.test(text); },
      lower: function (text) { return /\p{Ll}/u.test(text); },
      digit: function (text) { return /\p{N}/u.test(text); },
      special: function (text) { return /[^\p{L}\p{N}]/u.test(text); }
    };
    fresh.addEventListener('input', function () {
      var text = fresh.value.normalize('NFKC');
      document.querySelectorAll('[data-rule]').forEach(function (rule) {
        rule.classList.toggle('met', met[rule.dataset.rule](text));
      });
    });
  }
  if (!navigator.clipboard) {
    return;
  }
  document.querySelectorAll('button[data-copy]').forEach(function (button) {
    button.hidden = false;
  });
  document.addEventListener('click', function (event) {
    var button = event.target.closest('button[data-copy]');
    var source = button && document.getElementById(button.dataset.copy);
    if (source) {
      navigator.clipboard.writeText(source.textContent.trim()).then(function () {
        button.textContent = button.dataset.copied;
      });
    }
  });
})();
